"""Calls to other machines."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from pixelflow.settings.part import Part, listed


def _networks(given: str) -> str:
    for text in listed(given):
        ip_network(text)  # raises ValueError, which names what is wrong
    return given


class EgressSettings(Part):
    """Calls to other machines: pictures fetched, outputs and webhooks sent."""

    egress_allow: Annotated[str, AfterValidator(_networks)] = ""
    """Networks, as `10.0.0.0/8,127.0.0.1/32`, that are called although they are not public, on any port and
    by plain http too; for laptops, tests and intranets."""
    egress_ports: Annotated[str, Field(pattern=r"^\d{1,5}(, ?\d{1,5})*$")] = "80,443"
    """Ports of public addresses that are called."""
    egress_connect_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    """How long resolving a name may take, and each try to connect."""
    fetch_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """How long fetching a picture may take in all."""
    fetch_redirects: Annotated[int, Field(ge=0, le=3)] = 3
    """Redirects that are followed when a picture is fetched, each checked like the first URL."""
    deliver_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """How long sending one output may take in all."""
    transfer_tries: Annotated[int, Field(ge=1, le=20)] = 5
    """After so many tries, each later than the one before, a job whose picture or target is out of reach
    fails."""
    max_host_wait_seconds: Annotated[float, Field(ge=0)] = 300.0
    """How long after it was queued a job is put off without counting it while the machine that it needs is
    left alone by its circuit breaker; later each time counts as one of TRANSFER_TRIES."""
    max_transfers: Annotated[int, Field(ge=1, le=200)] = 64
    """Pictures fetched and outputs sent at once; meanwhile their jobs take no decoder's place."""
    max_transfers_per_host: Annotated[int, Field(ge=1, le=200)] = 8
    """The same from and to one host, so that a slow one does not delay the others."""
    storage_allow: str = ""
    """Buckets and folders that callers may name, as `s3://bucket/prefix?region=eu-west-1,file:///srv/in`; the
    query has the service's options, and `access=read` or `access=write`. `{tenant}` in a prefix gives each
    tenant its own."""

    @property
    def networks(self) -> list[IPv4Network | IPv6Network]:
        """Networks that are called although they are not public."""
        return [ip_network(text) for text in listed(self.egress_allow)]

    @property
    def ports(self) -> frozenset[int]:
        """Ports of public addresses that are called."""
        return frozenset(int(text) for text in listed(self.egress_ports))

    @property
    def prefixes(self) -> list[str]:
        """Prefixes of buckets and folders that callers may name."""
        return listed(self.storage_allow)
