"""``/v1/usage``, and the operators' call that sets a tenant's weight and limits."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import ValidationError

from pixelflow.domain.errors import InvalidRequest, MalformedRequest, Problem
from pixelflow.http import describing
from pixelflow.http.body import json_object
from pixelflow.http.native.given import Caller, TheExchange, TheServices, json
from pixelflow.http.native.operators import only_local
from pixelflow.http.refused import problem
from pixelflow.http.shapes import usage as shapes
from pixelflow.http.shapes.usage import LimitsShape, NewTenant, tenant_view, usage_view

router = APIRouter(prefix="/v1", tags=["usage"])
MAX_DAYS = 400
USUAL = timedelta(days=29)
TenantName = Annotated[str, Path(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


@router.get(
    "/usage",
    summary="What the caller's jobs have taken, by day and operation",
    responses=describing.answers({200: shapes.UsageShape}, 400, 422),
)
async def usage(
    services: TheServices,
    caller: Caller,
    first: Annotated[date | None, Query(alias="from", description="A day of UTC, inclusive")] = None,
    last: Annotated[date | None, Query(alias="to", description="A day of UTC, inclusive; today")] = None,
) -> Response:
    """The last 30 days unless said otherwise, at most 400; days without any are left out. A job that ended
    before any work was done is not counted, one that was tried again is counted for each time."""
    last = last or datetime.fromtimestamp(services.jobs.clock(), UTC).date()
    if first is None:
        first = max(last, date.min + USUAL) - USUAL
    if not 0 <= (last - first).days < MAX_DAYS:
        allowed = f"a day that is at most {MAX_DAYS - 1} days before `to`, and not after it"
        raise InvalidRequest([Problem(f"from must be {allowed}", "from", value=str(first), allowed=allowed)])
    days = await services.tenants.usage(caller.tenant, str(first), str(last))
    return json(usage_view(days, await services.tenants.get(caller.tenant)))


@router.get(
    "/admin/tenants/{tenant}",
    summary="A tenant's weight, limits and counters",
    responses=describing.answers({200: shapes.TenantShape}, 403, 422),
)
async def get_tenant(exchange: TheExchange, services: TheServices, tenant: TenantName) -> Response:
    """From this machine only."""
    only_local(exchange)
    return json(tenant_view(await services.tenants.get(tenant)))


@router.put(
    "/admin/tenants/{tenant}",
    summary="Set a tenant's weight and limits",
    openapi_extra={"requestBody": shapes.NEW_TENANT},
    responses=describing.answers({200: shapes.TenantShape}, 400, 403, 422),
)
async def put_tenant(exchange: TheExchange, services: TheServices, tenant: TenantName) -> Response:
    """From this machine only; in force at once. What is left out is set back: the weight to 1, a limit to
    the server's."""
    only_local(exchange)
    # A page in a browser can post a form or text to loopback without asking, but not this type.
    if not (exchange.header(b"content-type") or b"").startswith(b"application/json"):
        raise MalformedRequest("the body must be application/json", code="malformed_json")
    try:
        given = NewTenant.model_validate(await json_object(exchange))
    except ValidationError as error:
        raise InvalidRequest(
            [
                problem(
                    found,
                    ".".join(str(part) for part in found["loc"]) or "body",
                    (LimitsShape if len(found["loc"]) > 1 else NewTenant).model_fields,
                )
                for found in error.errors()
            ]
        ) from None
    found = await services.tenants.put(tenant, given.weight, given.own)
    services.jobs.admission.forget(tenant)
    return json(tenant_view(found))
