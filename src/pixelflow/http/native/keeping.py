"""What is stored, its sweep, and the audit log."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from pixelflow.control.keeping import read_keep
from pixelflow.domain.errors import Forbidden, InvalidRequest, MalformedRequest, Problem
from pixelflow.http import describing
from pixelflow.http.body import json_object
from pixelflow.http.native.given import Caller, Cursor, Limit, TheExchange, TheServices, json
from pixelflow.http.native.operators import only_local
from pixelflow.http.native.usage import TenantName
from pixelflow.http.shapes import keeping as shapes
from pixelflow.http.shapes.keep import Keep

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
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The caller's, newest first. Nothing changes a line; AUDIT_TTL_SECONDS is how long each is kept."""
    page = await services.audit.page(caller.tenant, limit, cursor, action=action, subject=subject)
    return json({"items": [shapes.line_view(line) for line in page.items], "next_cursor": page.cursor})


@router.get(
    "/v1/admin/tenants/{tenant}/keep",
    summary="For how long a tenant may have things kept",
    responses=describing.answers({200: Keep}, 403, 422),
)
async def get_keep(exchange: TheExchange, services: TheServices, tenant: TenantName) -> Response:
    """What is null is the server's setting's. From this machine only."""
    only_local(exchange)
    return json(services.keeps.of(tenant))


@router.put(
    "/v1/admin/tenants/{tenant}/keep",
    summary="Set for how long a tenant may have things kept",
    openapi_extra={"requestBody": shapes.NEW_KEEP},
    responses=describing.answers({200: Keep}, 400, 403, 422),
)
async def put_keep(exchange: TheExchange, services: TheServices, tenant: TenantName) -> Response:
    """In place of the server's settings, for jobs from now on; what is left out is the setting's again. From
    this machine only."""
    only_local(exchange)
    # A page in a browser can send a form or text to loopback without asking, but not this type.
    if not (exchange.header(b"content-type") or b"").startswith(b"application/json"):
        raise MalformedRequest("the body must be application/json", code="malformed_json")
    problems: list[Problem] = []
    keep = read_keep(await json_object(exchange), problems)
    if problems or keep is None:
        raise InvalidRequest(problems)
    await services.keeps.put(tenant, keep)
    return json(services.keeps.of(tenant))


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
