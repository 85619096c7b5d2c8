"""``/v1/batches``."""

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from pixelflow.control.batch_lines import Line, csv_lines, json_lines
from pixelflow.control.reading import read_json
from pixelflow.domain.batch import ItemState, batch_view
from pixelflow.domain.errors import InvalidRequest, MalformedRequest, Problem
from pixelflow.http import describing
from pixelflow.http.body import read
from pixelflow.http.exchange import Exchange
from pixelflow.http.idempotent import promising
from pixelflow.http.native.given import KEYED, Caller, Cursor, Limit, TheExchange, TheServices, json
from pixelflow.http.shapes import batches as shapes
from pixelflow.http.shapes.batches import item_view, made_view

router = APIRouter(prefix="/v1/batches", tags=["batches"])
MAX_BODY_BYTES = 16 * 1024 * 1024
JSON_LINES = (b"application/x-ndjson", b"application/jsonl", b"application/x-jsonlines")
TEXTS = frozenset({"template", "webhook_url", "prefix", "after"})
"""Fields whose text in a query is never taken for JSON."""


@router.post(
    "",
    dependencies=[KEYED],
    status_code=202,
    summary="Many pictures in one call",
    openapi_extra={"requestBody": shapes.NEW_BATCH},
    responses=describing.answers(
        {202: shapes.MadeBatch, 200: shapes.MadeBatch}, 400, 403, 408, 409, 413, 422, 503, 507
    ),
)
async def make(exchange: TheExchange, services: TheServices, caller: Caller) -> Response:
    """Up to 10,000 sources, each with its own job, `max_in_flight` of them at once: as JSON, as JSON lines or
    CSV with everything else in the query, or all objects below a `prefix`. Lines that cannot be taken are
    told by their number, unless `all_or_nothing`. `dry_run` makes nothing and tells what it would take: 200.
    """
    with promising(exchange, caller.tenant) as promise:
        given, lines = await _read(exchange)
        made = await services.batches.make(caller.tenant, given, lines, promise)
    base = services.options.link_base
    if made.batch is None:
        return json(made_view(made, base))
    return json(made_view(made, base), 202, {"location": f"{base}/v1/batches/{made.batch.id}"})


@router.get(
    "", summary="The caller's batches", responses=describing.answers({200: shapes.BatchPage}, 400, 422)
)
async def list_batches(
    services: TheServices,
    caller: Caller,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Newest first."""
    page = await services.batches.list(caller.tenant, limit, cursor)
    return json({"items": [batch_view(batch) for batch in page.items], "next_cursor": page.cursor})


@router.get(
    "/{batch_id}",
    summary="A batch, with counts and progress",
    responses=describing.answers({200: shapes.BatchShape}, 404),
)
async def get(services: TheServices, caller: Caller, batch_id: str) -> Response:
    """Its jobs are those of `GET /v1/jobs?batch_id=`."""
    return json(batch_view(await services.batches.get(caller.tenant, batch_id)))


@router.get(
    "/{batch_id}/items",
    summary="A batch's lines, with what became of each",
    responses=describing.answers({200: shapes.BatchLinePage}, 400, 404, 422),
)
async def items(
    services: TheServices,
    caller: Caller,
    batch_id: str,
    status: ItemState | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor = None,
) -> Response:
    """In their order."""
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 10):
        raise MalformedRequest(
            f"cursor {cursor[:80]!r} is not one that a list answered with", code="invalid_cursor"
        )
    batch = await services.batches.get(caller.tenant, batch_id)
    after = -1 if cursor is None else int(cursor)
    page = await services.batches.items(caller.tenant, batch_id, status, after, limit)
    return json({"items": [item_view(batch, item) for item in page.items], "next_cursor": page.cursor})


@router.get(
    "/{batch_id}/failures.csv",
    summary="Every line that did not go well",
    response_class=Response,
    responses=describing.answers({200: "text/csv"}, 404),
)
async def failures(services: TheServices, caller: Caller, batch_id: str) -> Response:
    """Refused, failed, cancelled and quarantined ones: `line`, `source` without its query, `status`, `code`,
    `message`, `job_id`."""
    rows = await services.batches.failures(caller.tenant, batch_id)
    headers = {
        "content-disposition": f'attachment; filename="{batch_id}-failures.csv"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(rows, headers=headers, media_type="text/csv; charset=utf-8")


@router.post(
    "/{batch_id}/pause",
    summary="Make no further jobs",
    responses=describing.answers({200: shapes.BatchShape}, 404, 409, 503),
)
async def pause(services: TheServices, caller: Caller, batch_id: str) -> Response:
    """Those there are go on."""
    return json(batch_view(await services.batches.pause(caller.tenant, batch_id)))


@router.post(
    "/{batch_id}/resume",
    summary="Go on with a paused batch",
    responses=describing.answers({200: shapes.BatchShape}, 404, 409, 503),
)
async def resume(services: TheServices, caller: Caller, batch_id: str) -> Response:
    """Where it was paused."""
    return json(batch_view(await services.batches.resume(caller.tenant, batch_id)))


@router.post(
    "/{batch_id}/cancel",
    summary="Stop a batch",
    responses=describing.answers({200: shapes.BatchShape}, 404, 409, 503),
)
async def cancel(services: TheServices, caller: Caller, batch_id: str) -> Response:
    """Lines without a job are cancelled at once, jobs that wait or run within seconds."""
    return json(batch_view(await services.batches.cancel(caller.tenant, caller.subject, batch_id)))


@router.post(
    "/{batch_id}/retry",
    dependencies=[KEYED],
    summary="Run the lines again that did not go well",
    responses=describing.answers({200: shapes.BatchShape}, 400, 404, 409, 422, 503),
)
async def retry(exchange: TheExchange, services: TheServices, caller: Caller, batch_id: str) -> Response:
    """Failed, quarantined and cancelled ones, as new jobs; the batch runs again, also one that was cancelled,
    and its end is told again. 409 while a cancelled one still stops its jobs."""
    with promising(exchange, caller.tenant) as promise:
        batch = await services.batches.retry(caller.tenant, batch_id, promise)
    return json(batch_view(batch))


@router.delete(
    "/{batch_id}",
    status_code=204,
    summary="Delete a batch that has ended",
    responses=describing.answers({}, 404, 409, 503),
)
async def delete(services: TheServices, caller: Caller, batch_id: str) -> Response:
    """With the table of its lines; its jobs and their files stay."""
    await services.batches.delete(caller.tenant, caller.subject, batch_id)
    return Response(status_code=204)


async def _read(exchange: Exchange) -> tuple[dict[str, Any], list[Line] | None]:
    """The request's fields, and its lines where they are the body."""
    kind = (exchange.header(b"content-type") or b"").partition(b";")[0].strip().lower()
    body = await read(exchange, MAX_BODY_BYTES)
    if kind in JSON_LINES:
        return _query(exchange), await asyncio.to_thread(json_lines, body)
    if kind == b"text/csv":
        return _query(exchange), await asyncio.to_thread(csv_lines, body)
    given = await asyncio.to_thread(read_json, body, "the body")
    if not isinstance(given, dict):
        raise MalformedRequest("the body must be a JSON object", code="malformed_json")
    return given, None


def _query(exchange: Exchange) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, text in exchange.query:
        if name in given:
            raise InvalidRequest([Problem(f"{name} is given twice", name, value=text, allowed="once")])
        given[name] = text if name in TEXTS else _value(text)
    return given


def _value(text: str) -> Any:
    """A number, true or false, a list or an object as JSON; anything else is text."""
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return read_json(text.encode(), "the query")
