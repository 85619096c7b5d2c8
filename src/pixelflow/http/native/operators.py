"""For operators: health, readiness, version, metrics, the pool's size."""

import ipaddress
from urllib.parse import urlsplit

from fastapi import APIRouter, Response

from pixelflow.control.reading import unknown_fields
from pixelflow.domain.errors import Forbidden, InvalidRequest, MalformedRequest, Problem
from pixelflow.http import describing
from pixelflow.http.app import healthy
from pixelflow.http.body import json_object
from pixelflow.http.exchange import Exchange
from pixelflow.http.native.given import TheExchange, TheServices, json
from pixelflow.http.native.handed import Handed
from pixelflow.http.shapes.operators import NEW_POOL, Health, Pool, Readiness, Version

router = APIRouter(tags=["operators"])
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-real-ip")


@router.get("/healthz", summary="The process answers", responses=describing.answers({200: Health}))
async def healthz(exchange: TheExchange) -> Response:
    """Asks nothing else; see `/readyz`."""
    return Handed(healthy, exchange)


@router.get(
    "/readyz",
    summary="The server takes work",
    responses={**describing.answers({200: Readiness}), 503: {"model": Readiness}},
)
async def readyz(services: TheServices) -> Response:
    """503 with the reasons when a part is missing without which no work can be taken (`vital`), or the
    server is going down. The keeper's duties are told with their figures; one that is overdue is not `good`,
    and the server stays ready: it takes work, and another that takes it instead would not mend the duty."""
    checks = await services.readiness()
    good = all(check.good for check in checks if check.vital)
    shown = [
        {"name": check.name, "good": check.good, "vital": check.vital, "detail": check.detail}
        | ({"facts": check.facts} if check.facts else {})
        for check in checks
    ]
    return json({"status": "ready" if good else "not_ready", "checks": shown}, 200 if good else 503)


@router.get("/version", summary="Versions", responses=describing.answers({200: Version}))
async def version(services: TheServices) -> Response:
    """Of PixelFlow and of the codecs that its decoders have really loaded."""
    return json(services.version())


@router.get(
    "/metrics",
    summary="Metrics in Prometheus' text format",
    response_class=Response,
    responses=describing.answers({200: "text/plain"}),
)
async def metrics(services: TheServices) -> Response:
    """Jobs by state, queue depth and age, time by phase, slots, HTTP latency by route."""
    return Response(await services.metrics(), media_type=METRICS_TYPE)


@router.post(
    "/v1/admin/pool",
    summary="Change the number of decoder processes",
    openapi_extra={"requestBody": NEW_POOL},
    responses=describing.answers({200: Pool}, 400, 403, 422),
)
async def resize(exchange: TheExchange, services: TheServices) -> Response:
    """While jobs run; from this machine only."""
    only_local(exchange)
    # A page in a browser can post a form or text to loopback without asking, but not this type.
    if not (exchange.header(b"content-type") or b"").startswith(b"application/json"):
        raise MalformedRequest("the body must be application/json", code="malformed_json")
    given = await json_object(exchange)
    size = given.get("size")
    largest = services.options.max_pool_size
    if problems := unknown_fields(given, ("size",)):
        raise InvalidRequest(problems)
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= largest:
        allowed = f"a whole number from 1 to {largest}"
        raise InvalidRequest([Problem(f"size must be {allowed}", "size", value=size, allowed=allowed)])
    await services.pool.resize(size)
    return json({"size": services.pool.size})


def only_local(exchange: Exchange) -> None:
    """Raises Forbidden for a call that was not made on this machine, or came through a proxy."""
    client = exchange.scope.get("client")
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        address = ipaddress.IPv4Address(0)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    proxied = any(exchange.header(name) for name in FORWARDED)
    if not (mapped or address).is_loopback or proxied or not _names_loopback(exchange.header(b"host")):
        raise Forbidden("this call is for the server's own machine only", code="not_local")


def _names_loopback(host: bytes | None) -> bool:
    """Whether the caller meant this machine: a page whose name was made to lead here names another host."""
    name = ""
    try:
        name = urlsplit("//" + (host or b"").decode("latin-1")).hostname or ""
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
