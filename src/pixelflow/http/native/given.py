"""What FastAPI hands to the native routes."""

from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request, Response

from pixelflow.domain.principal import Principal
from pixelflow.http.exchange import Exchange
from pixelflow.http.idempotent import MAX_KEY_LENGTH
from pixelflow.http.services import Services
from pixelflow.http.view import encode


def _exchange(request: Request) -> Exchange:
    found: Exchange = request.scope["exchange"]
    return found


def _services(request: Request) -> Services:
    return _exchange(request).services


async def _caller(request: Request) -> Principal:
    return await _exchange(request).caller()


TheExchange = Annotated[Exchange, Depends(_exchange)]
TheServices = Annotated[Services, Depends(_services)]
Caller = Annotated[Principal, Depends(_caller)]


def _keyed(
    idempotency_key: Annotated[
        str | None,
        Header(
            description="With the same key the same request, sent again within 24 hours, is done once",
            json_schema_extra={"maxLength": MAX_KEY_LENGTH},
        ),
    ] = None,
) -> None:
    """``idempotent.promising`` reads it; here it is told of."""


def _resuming(
    last_event_id: Annotated[
        str | None, Header(description="The last event that was heard: go on after it")
    ] = None,
) -> None:
    """``sse.last_event_id`` reads it."""


KEYED = Depends(_keyed)
"""Of routes that create something."""
RESUMING = Depends(_resuming)
"""Of streams."""
Limit = Annotated[int, Query(ge=1, le=200)]
"""Most entries of a page."""
Cursor = Annotated[str | None, Query(max_length=200)]
"""``next_cursor`` of the page before."""


def json(shown: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON, encoded by msgspec."""
    safe = {"cache-control": "no-store", "x-content-type-options": "nosniff", **(headers or {})}
    return Response(encode(shown), status, safe, "application/json")
