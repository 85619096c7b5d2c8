"""One request and its answer, on bare ASGI."""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from pixelflow.domain.errors import MalformedRequest
from pixelflow.domain.principal import Principal
from pixelflow.http.services import Receive, Scope, Send, Services

JSON = (b"content-type", b"application/json")
NO_STORE = (b"cache-control", b"no-store")
JSON_HEADERS = [JSON, NO_STORE, (b"x-content-type-options", b"nosniff")]


class Exchange:
    """What a handler works with."""

    __slots__ = ("body_ended", "receive", "scope", "send", "services")

    def __init__(self, services: Services, scope: Scope, receive: Receive, send: Send) -> None:
        self.services = services
        self.scope = scope
        self.receive = receive
        self.send = send
        self.body_ended = False

    def header(self, name: bytes) -> bytes | None:
        """The first header of that (lower-case) name."""
        for key, value in self.scope["headers"]:
            if key == name:
                found: bytes = value
                return found
        return None

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query's parameters in order; raises MalformedRequest."""
        try:
            return parse_qsl(self.scope["query_string"].decode(), keep_blank_values=True, max_num_fields=50)
        except ValueError:
            raise MalformedRequest("the query cannot be read", code="malformed_query") from None

    async def caller(self) -> Principal:
        """Who asks."""
        return await self.services.caller(self.scope["headers"])

    @property
    def base_url(self) -> str:
        """PUBLIC_URL, or else what the request's Host says; no slash at the end."""
        if self.services.options.public_url:
            return self.services.options.public_url.rstrip("/")
        host = (self.header(b"host") or b"localhost").decode("latin-1")
        return f"{self.scope['scheme']}://{host}"

    async def json(self, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """Answer with encoded JSON."""
        length = (b"content-length", str(len(body)).encode())
        await self.send(
            {"type": "http.response.start", "status": status, "headers": [*JSON_HEADERS, length, *headers]}
        )
        await self.send({"type": "http.response.body", "body": body})

    async def empty(self, status: int, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """Answer without a body."""
        await self.send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await self.send({"type": "http.response.body", "body": b""})
