"""One request and its answer, on bare ASGI."""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from pixelflow.domain.errors import MalformedRequest
from pixelflow.domain.principal import Principal
from pixelflow.http.errors import Refusal, encode
from pixelflow.http.services import Receive, Scope, Send, Services

JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", b"application/problem+json")
NO_STORE = (b"cache-control", b"no-store")
NOSNIFF = (b"x-content-type-options", b"nosniff")
JSON_HEADERS = [JSON, NO_STORE, NOSNIFF]


class Exchange:
    """What a handler works with."""

    __slots__ = ("_held", "body_ended", "receive", "request_id", "scope", "send", "services")

    def __init__(
        self, services: Services, scope: Scope, receive: Receive, send: Send, request_id: str
    ) -> None:
        self.services = services
        self.scope = scope
        self.receive = receive
        self.send = send
        self.request_id = request_id
        self.body_ended = False
        self._held = 0

    def hold(self, size: int) -> None:
        """Take that many bytes of memory until ``release``; raises Busy."""
        self.services.bodies.take(size)
        self._held += size

    def release(self) -> None:
        """Give back what was held."""
        self.services.bodies.used -= self._held
        self._held = 0

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
        if base := self.services.options.link_base:
            return base
        host = (self.header(b"host") or b"localhost").decode("latin-1")
        return f"{self.scope['scheme']}://{host}"

    async def json(self, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """Answer with encoded JSON."""
        length = (b"content-length", str(len(body)).encode())
        await self.send(
            {"type": "http.response.start", "status": status, "headers": [*JSON_HEADERS, length, *headers]}
        )
        await self.send({"type": "http.response.body", "body": body})

    async def problem(self, found: Refusal) -> None:
        """Answer with a problem document."""
        body = encode(found.document(self.request_id))
        length = (b"content-length", str(len(body)).encode())
        headers = [PROBLEM, NO_STORE, NOSNIFF, length, *found.headers]
        await self.send({"type": "http.response.start", "status": found.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def empty(self, status: int, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """Answer without a body."""
        await self.send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await self.send({"type": "http.response.body", "body": b""})
