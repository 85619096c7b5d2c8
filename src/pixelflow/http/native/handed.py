"""A FastAPI answer that is given by one of the bare handlers, so that both ways are the same code."""

from collections.abc import Awaitable, Callable

from fastapi import Response
from starlette.types import Receive, Scope, Send

from pixelflow.http.exchange import Exchange


class Handed(Response):
    """Runs ``handler(exchange, *ids)`` in place of an answer; what it raises goes to the error table."""

    def __init__(self, handler: Callable[..., Awaitable[None]], exchange: Exchange, *ids: str) -> None:
        super().__init__()
        self._handler = handler
        self._exchange = exchange
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        exchange = self._exchange
        inner = Exchange(exchange.services, scope, exchange.receive, send, exchange.request_id)
        try:
            await self._handler(inner, *self._ids)
        finally:
            exchange.body_ended = inner.body_ended
