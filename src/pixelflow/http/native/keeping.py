"""What is stored, its sweep, and the audit log."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from pixelflow.domain.errors import Forbidden
from pixelflow.http import describing
from pixelflow.http.native.given import Caller, TheExchange, TheServices, json
from pixelflow.http.native.operators import only_local
from pixelflow.http.shapes import keeping as shapes

router = APIRouter(tags=["keeping"])


@router.get(
    "/v1/audit",
    summary="Who deleted, held, promoted or changed what",
    responses=describing.answers({200: shapes.AuditPage}, 400, 422),
)
async def audit(
    services: TheServices,
    caller: Caller,
    action: Annotated[str | None, Query(max_length=80, examples=["job.deleted"])] = None,
    subject: Annotated[str | None, Query(max_length=200, description="An id, or a name")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The caller's, newest first. Nothing changes a line; AUDIT_TTL_SECONDS is how long each is kept."""
    page = await services.audit.page(caller.tenant, limit, cursor, action=action, subject=subject)
    return json({"items": [shapes.line_view(line) for line in page.items], "next_cursor": page.cursor})


@router.get(
    "/v1/admin/storage",
    summary="What is stored, and what the sweep would take now",
    responses=describing.answers({200: shapes.StorageReport}, 403),
)
async def storage(exchange: TheExchange, services: TheServices) -> Response:
    """Of all tenants, by kind and age; from this machine only. Looks at every file."""
    only_local(exchange)
    return json(shapes.report_view(await services.inventory.report()))


@router.post(
    "/v1/admin/gc",
    summary="Sweep now",
    responses=describing.answers({200: shapes.Swept}, 403),
)
async def collect(exchange: TheExchange, services: TheServices) -> Response:
    """What the keeper would take every SWEEP_SECONDS: what is kept no longer, then files that no row names
    and that are older than ORPHAN_SECONDS. From this machine only."""
    only_local(exchange)
    if exchange.header(b"origin"):
        raise Forbidden("a page in a browser does not sweep", code="not_local")
    return json(shapes.swept_view(await services.inventory.sweep()))
