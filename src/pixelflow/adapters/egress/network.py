"""Connections to the very addresses that were checked."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import httpcore

from pixelflow.adapters.egress.rules import Rules
from pixelflow.adapters.egress.watched import WatchedStream

MOST_ADDRESSES = 4
"""Addresses of one name that are tried; all are checked."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""A name's addresses, in the order to be tried; raises OSError when there are none."""


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """As the system resolves names."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves a name, checks every address, and connects to one of those; ``secure`` where TLS follows."""

    rules: Rules
    secure: bool
    connect_seconds: float
    resolve: Resolve = system_resolve
    inner: httpcore.AsyncNetworkBackend = field(default_factory=httpcore.AnyIOBackend)

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """All of them; raises EgressRefused if one may not be called, OSError if the name has none."""
        try:
            async with asyncio.timeout(self.connect_seconds):
                found = await self.resolve(host, port)
        except TimeoutError:
            raise TimeoutError(f"the name {host} was not resolved in {self.connect_seconds:g} s") from None
        except (OSError, UnicodeError) as error:
            raise ConnectionError(f"the name {host} does not resolve") from error
        for address in found:
            self.rules.check(host, address, port, secure=self.secure)
        return found

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Each try has ``connect_seconds``."""
        failure: Exception = httpcore.ConnectError(f"the name {host} has no address")
        for address in (await self.addresses(host, port))[:MOST_ADDRESSES]:
            try:
                stream = await self.inner.connect_tcp(
                    address, port, self.connect_seconds, local_address, socket_options
                )
                return WatchedStream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never: no URL names one."""
        raise httpcore.ConnectError("unix sockets are not called")

    async def sleep(self, seconds: float) -> None:
        """As httpcore waits between its own tries, of which there are none."""
        await asyncio.sleep(seconds)
