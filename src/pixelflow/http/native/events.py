"""``/v1/events``."""

from fastapi import APIRouter, Response

from pixelflow.control.follow import follow_tenant
from pixelflow.http import describing
from pixelflow.http.native.given import RESUMING, Caller, TheExchange, TheServices
from pixelflow.http.sse import MEDIA_TYPE, last_event_id, stream

router = APIRouter(prefix="/v1", tags=["jobs"])


@router.get(
    "/events",
    dependencies=[RESUMING],
    summary="Events of all the caller's jobs as they happen",
    response_class=Response,
    responses=describing.answers({200: MEDIA_TYPE}, 400),
)
async def events(exchange: TheExchange, services: TheServices, caller: Caller) -> Response:
    """Server-sent events without an end: the newest jobs first, then every change and progress of any job."""
    quiet = services.options.sse_heartbeat_seconds
    news = follow_tenant(services.jobs, caller.tenant, last_event_id(exchange), quiet)
    return await stream(None, news, services.options.link_base)
