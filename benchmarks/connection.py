"""Plain HTTP/1.1 on asyncio, at about 30 µs a request: a client that hardly competes with the server."""

import asyncio
from typing import cast

HOST = "127.0.0.1"
LARGE_BUFFER = 1 << 30


class Connection(asyncio.Protocol):
    """One connection with one request at a time; understands Content-Length and chunked answers."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._reset()

    def _reset(self) -> None:
        self._buffer = bytearray()
        self._length = -1
        self._status = 0
        self._chunked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=LARGE_BUFFER)

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._length < 0 and not self._read_head():
            return
        if self._chunked:
            if self._buffer.endswith(b"0\r\n\r\n"):
                self._finish(_joined(self._buffer))
        elif len(self._buffer) >= self._length:
            self._finish(bytes(self._buffer))

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._buffer[:end]).lower()
        del self._buffer[: end + 4]
        self._status = int(head[9:12])
        at = head.find(b"content-length:")
        self._chunked = at < 0 and b"transfer-encoding: chunked" in head
        self._length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        return True

    def _finish(self, body: bytes) -> None:
        answer, status = self._answer, self._status
        self._answer = None
        self._reset()
        if answer and not answer.done():
            answer.set_result((status, body))

    async def request(self, head: bytes, body: bytes | None) -> tuple[int, bytes]:
        """Send, and wait for the whole answer: status and body."""
        if self.transport is None:
            raise ConnectionError("closed")
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.writelines([head, body] if body else [head])
        return await self._answer


def _joined(buffer: bytearray) -> bytes:
    out, at = bytearray(), 0
    while True:
        end = buffer.find(b"\r\n", at)
        size = int(buffer[at:end], 16)
        if not size:
            return bytes(out)
        out += buffer[end + 2 : end + 2 + size]
        at = end + 4 + size


class Http:
    """Requests over one connection that is opened anew where it broke."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection: Connection | None = None

    async def __call__(
        self, method: str, path: str, body: bytes | None = None, content_type: str = ""
    ) -> tuple[int, bytes]:
        if self.connection is None or self.connection.transport is None:
            _, self.connection = await asyncio.get_running_loop().create_connection(
                Connection, HOST, self.port
            )
        head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n"
        if body is not None:
            head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        return await self.connection.request(f"{head}\r\n".encode(), body)

    def close(self) -> None:
        """Drop the connection."""
        if self.connection and self.connection.transport:
            self.connection.transport.close()
        self.connection = None
