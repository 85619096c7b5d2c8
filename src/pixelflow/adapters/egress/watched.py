"""A connection that is asked for little whether it is still open."""

import select
import ssl
from typing import Any

import httpcore


class WatchedStream(httpcore.AsyncNetworkStream):
    """``inner``, whose socket is looked up once.

    httpcore's pool asks every idle connection at every request whether there is something to read, which
    would mean that it was closed; the look-up takes five times what the question does.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._socket = inner.get_extra_info("socket")

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return WatchedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        if info != "is_readable":
            return self._inner.get_extra_info(info)
        number = self._socket.fileno() if self._socket is not None else -1
        if number < 0:
            return True
        waiting = select.poll()
        waiting.register(number, select.POLLIN)
        return bool(waiting.poll(0))
