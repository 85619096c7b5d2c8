"""Which addresses the server connects to."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from pixelflow.domain.errors import EgressRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

RELAY_ANYCAST = IPv4Network("192.88.99.0/24")
"""Former 6to4 relays (RFC 7526): whoever answers there is not the one that is meant."""
GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is given out as global unicast (RFC 4291); what is outside is local, multicast or
reserved."""
INSIDE_IT = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16"))
"""What of it is for protocols, documentation and segment routing (RFC 6890, 9637, 9602)."""
NAT64 = IPv6Network("64:ff9b::/96")
"""The well-known prefix of RFC 6052; the local one of RFC 8215 is not global."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Where the server may connect to: global addresses on ``ports``, and any port of ``allow``.

    Without ``plain_http`` only TLS goes to addresses outside ``allow``.
    """

    allow: Sequence[Network] = ()
    ports: frozenset[int] = frozenset({80, 443})
    plain_http: bool = True

    def check(self, host: str, address: str, port: int, *, secure: bool) -> None:
        """Raises EgressRefused; the address itself is not told, since a name may be one of an intranet."""
        found = ip_address(address)
        if any(form in network for form in _forms(found) for network in self.allow):
            return
        if not is_public(found):
            raise EgressRefused(
                f"{host} is not at a public address; EGRESS_ALLOW opens further networks",
                setting="EGRESS_ALLOW",
            )
        if port not in self.ports:
            allowed = ", ".join(str(each) for each in sorted(self.ports))
            raise EgressRefused(
                f"port {port} is not called, only {allowed}; EGRESS_PORTS sets them",
                setting="EGRESS_PORTS",
                value=port,
            )
        if not secure and not self.plain_http:
            raise EgressRefused(
                f"{host} is called by https only; EGRESS_ALLOW names networks that plain http may go to",
                setting="EGRESS_ALLOW",
            )


def is_public(address: Address) -> bool:
    """Whether everybody means the same machine by it; an address with others inside is as public as those."""
    if isinstance(address, IPv4Address):
        special = address.is_multicast or address.is_reserved or address in RELAY_ANYCAST
        return address.is_global and not special
    inside = embedded(address)
    if inside:
        return all(is_public(each) for each in inside)
    return address in GLOBAL_UNICAST and not any(address in network for network in INSIDE_IT)


def embedded(address: IPv6Address) -> Sequence[IPv4Address]:
    """The IPv4 addresses that packets to it end at, or pass: IPv4-mapped, 6to4, Teredo, NAT64."""
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    return (IPv4Address(int(address) & 0xFFFF_FFFF),) if address in NAT64 else ()


def _forms(address: Address) -> Sequence[Address]:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (address, mapped) if mapped else (address,)
