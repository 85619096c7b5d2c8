"""``/v1/assets``."""

from fastapi import APIRouter, Response

from pixelflow.control.idempotency import Promise
from pixelflow.control.intake import too_large
from pixelflow.domain.asset import Asset
from pixelflow.domain.errors import MalformedRequest
from pixelflow.http import describing
from pixelflow.http.body import MAX_JSON_BYTES, stream
from pixelflow.http.exchange import Exchange
from pixelflow.http.idempotent import promising
from pixelflow.http.multipart import MultipartForm
from pixelflow.http.native.given import KEYED, Caller, Cursor, Limit, TheExchange, TheServices, json
from pixelflow.http.shapes import assets as shapes
from pixelflow.http.view import asset_view

router = APIRouter(prefix="/v1/assets", tags=["assets"])


@router.post(
    "",
    dependencies=[KEYED],
    status_code=201,
    summary="Upload a picture for pipelines to refer to",
    openapi_extra={"requestBody": shapes.NEW_ASSET},
    responses=describing.answers({201: shapes.Asset}, 400, 408, 409, 413, 415, 422, 429, 503, 507),
)
async def add(exchange: TheExchange, services: TheServices, caller: Caller) -> Response:
    """A form with the part `file`, or the bytes as they are. The same bytes have the same id.

    With an `Idempotency-Key` that came with another picture, 422.
    """
    announced = exchange.header(b"content-length")
    if announced is not None and int(announced) > services.options.upload_bytes + MAX_JSON_BYTES:
        raise too_large(services.options.upload_bytes, int(announced))
    kind = exchange.header(b"content-type") or b""
    with promising(exchange, caller.tenant) as promise:
        if kind.startswith(b"multipart/"):
            asset = await _from_form(exchange, kind, caller.tenant, promise)
        else:
            asset = await services.assets.add(caller.tenant, stream(exchange), promise)
    return json(asset_view(asset), 201, {"location": f"/v1/assets/{asset.id}"})


async def _from_form(exchange: Exchange, kind: bytes, tenant: str, promise: Promise) -> Asset:
    asset = None
    async for part in MultipartForm(kind, stream(exchange)).parts():
        if part.name != "file" or asset is not None:
            raise MalformedRequest("the form must have one part 'file' and no other", code="doubled_part")
        asset = await exchange.services.assets.add(tenant, part.stream(), promise)
    if asset is None:
        raise MalformedRequest("the form has no part 'file'", code="missing_part", field="file")
    return asset


@router.get(
    "", summary="The caller's assets", responses=describing.answers({200: shapes.AssetPage}, 400, 422)
)
async def list_assets(
    services: TheServices,
    caller: Caller,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Newest first."""
    page = await services.assets.list(caller.tenant, limit, cursor)
    return json({"items": [asset_view(asset) for asset in page.items], "next_cursor": page.cursor})


@router.get("/{asset_id}", summary="An asset", responses=describing.answers({200: shapes.Asset}, 404))
async def get(services: TheServices, caller: Caller, asset_id: str) -> Response:
    """What is known of it."""
    return json(asset_view(await services.assets.get(caller.tenant, asset_id)))


@router.delete(
    "/{asset_id}", status_code=204, summary="Delete an asset", responses=describing.answers({}, 404)
)
async def delete(services: TheServices, caller: Caller, asset_id: str) -> Response:
    """A queued job that needs it will fail."""
    await services.assets.delete(caller.tenant, asset_id, caller.subject)
    return Response(status_code=204)
