"""``/v1/jobs/bulk``."""

from fastapi import APIRouter, Response

from pixelflow.http import describing
from pixelflow.http.body import json_object
from pixelflow.http.idempotent import REPLAYED, promising
from pixelflow.http.native.given import KEYED, Caller, Cursor, Limit, TheExchange, TheServices, json
from pixelflow.http.shapes import bulks as shapes
from pixelflow.http.shapes.bulks import bulk_view, dry_view

router = APIRouter(prefix="/v1/jobs/bulk", tags=["jobs"])


@router.post(
    "",
    dependencies=[KEYED],
    status_code=202,
    summary="Cancel, retry or delete many jobs",
    openapi_extra={"requestBody": shapes.NEW_BULK},
    responses=describing.answers(
        {202: shapes.BulkShape, 200: shapes.BulkShape}, 400, 408, 409, 413, 422, 503
    ),
)
async def order(exchange: TheExchange, services: TheServices, caller: Caller) -> Response:
    """All that the filter finds of what was created until now, newest first, in small steps; a restart of the
    server does not end it. With `dry_run` only the count is answered (200). Jobs whose state does not allow
    it are skipped, as held ones are of `delete`."""
    with promising(exchange, caller.tenant) as promise:
        given = await json_object(exchange)
        bulk, total, replayed = await services.bulks.order(caller.tenant, caller.subject, given, promise)
    if bulk is None:
        return json(dry_view(given["action"], given["filter"], total))
    headers = {"location": f"{services.options.link_base}/v1/jobs/bulk/{bulk.id}"}
    if replayed:
        headers[REPLAYED[0].decode()] = REPLAYED[1].decode()
    return json(bulk_view(bulk), 202, headers)


@router.get(
    "",
    summary="The caller's operations on many jobs",
    responses=describing.answers({200: shapes.BulkPage}, 400, 422),
)
async def list_bulks(
    services: TheServices,
    caller: Caller,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Newest first; RECORD_TTL_SECONDS after its end each goes."""
    page = await services.bulks.list(caller.tenant, limit, cursor)
    return json({"items": [bulk_view(bulk) for bulk in page.items], "next_cursor": page.cursor})


@router.get(
    "/{bulk_id}",
    summary="How far an operation on many jobs is",
    responses=describing.answers({200: shapes.BulkShape}, 404),
)
async def get(services: TheServices, caller: Caller, bulk_id: str) -> Response:
    """`completed` once every job was gone through."""
    return json(bulk_view(await services.bulks.get(caller.tenant, bulk_id)))
