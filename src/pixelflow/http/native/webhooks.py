"""``/v1/webhooks``."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from pixelflow.control.reading import read_moment
from pixelflow.domain.errors import MalformedRequest
from pixelflow.domain.webhook import DeliveryState
from pixelflow.http import describing
from pixelflow.http.body import json_object
from pixelflow.http.idempotent import promising
from pixelflow.http.native.given import KEYED, Caller, Cursor, Limit, TheExchange, TheServices, json
from pixelflow.http.shapes import webhooks as shapes
from pixelflow.http.shapes.webhooks import delivery_view, endpoint_view, secret_view, whole_view
from pixelflow.ports.webhooks import DeliveryFilter

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
Word = Annotated[str | None, Query(max_length=64)]


@router.post(
    "",
    dependencies=[KEYED],
    status_code=201,
    summary="Register an endpoint",
    openapi_extra={"requestBody": shapes.NEW_ENDPOINT},
    responses=describing.answers({201: shapes.EndpointShape}, 400, 409, 413, 422, 503),
)
async def add(exchange: TheExchange, services: TheServices, caller: Caller) -> Response:
    """It is sent every event that it names, signed as Standard Webhooks says.

    The answer has its `secret`, which is not shown again.
    """
    with promising(exchange, caller.tenant) as promise:
        made = await services.webhooks.add(
            caller.tenant, caller.subject, await json_object(exchange), promise
        )
    location = {"location": f"{services.options.link_base}/v1/webhooks/{made.id}"}
    return json(endpoint_view(made, secret=True), 201, location)


@router.get(
    "", summary="The caller's endpoints", responses=describing.answers({200: shapes.EndpointPage}, 503)
)
async def list_endpoints(services: TheServices, caller: Caller) -> Response:
    """All of them, newest first; WEBHOOK_ENDPOINTS says how many there may be."""
    found = await services.webhooks.list(caller.tenant)
    return json({"items": [endpoint_view(each) for each in found], "next_cursor": None})


@router.get(
    "/secret",
    summary="The secret of jobs' own webhook URLs",
    responses=describing.answers({200: shapes.SecretShape}, 503),
)
async def secret(services: TheServices, caller: Caller) -> Response:
    """It signs what is sent to the `webhook_url` of jobs; made at the first call."""
    return json(secret_view(await services.webhooks.secrets(caller.tenant)))


@router.post(
    "/secret/rotate",
    dependencies=[KEYED],
    summary="Replace the secret of jobs' own webhook URLs",
    responses=describing.answers({200: shapes.SecretShape}, 400, 409, 422, 503),
)
async def rotate_secret(exchange: TheExchange, services: TheServices, caller: Caller) -> Response:
    """For WEBHOOK_OVERLAP_SECONDS the former one signs as well, beside the new one."""
    with promising(exchange, caller.tenant) as promise:
        secrets = await services.webhooks.rotate_secrets(caller.tenant, caller.subject, promise)
    return json(secret_view(secrets))


@router.get(
    "/deliveries",
    summary="What was sent, to whom, and what came of it",
    responses=describing.answers({200: shapes.DeliveryPage}, 400, 422, 503),
)
async def deliveries(
    services: TheServices,
    caller: Caller,
    endpoint: Word = None,
    job_id: Word = None,
    status: DeliveryState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Newest first. `status=dead` are those that were given up."""
    where = DeliveryFilter(endpoint, job_id, status)
    page = await services.webhooks.deliveries(caller.tenant, where, limit, cursor)
    return json({"items": [delivery_view(each) for each in page.items], "next_cursor": page.cursor})


@router.get(
    "/deliveries/{delivery_id}",
    summary="A delivery with every try",
    responses=describing.answers({200: shapes.DeliveryWhole}, 404, 503),
)
async def delivery(services: TheServices, caller: Caller, delivery_id: str) -> Response:
    """With the payload, and the heads of requests and answers; signatures are hidden."""
    found = await services.webhooks.delivery(caller.tenant, delivery_id)
    return json(whole_view(*found, services.options.link_base))


@router.post(
    "/deliveries/{delivery_id}/redeliver",
    dependencies=[KEYED],
    status_code=202,
    summary="Send a delivery again",
    responses=describing.answers({202: shapes.DeliveryShape}, 400, 404, 409, 422, 503),
)
async def redeliver(
    exchange: TheExchange, services: TheServices, caller: Caller, delivery_id: str
) -> Response:
    """Now, under the same `webhook-id`, and by the whole schedule again should it fail."""
    with promising(exchange, caller.tenant) as promise:
        again = await services.webhooks.redeliver(caller.tenant, delivery_id, promise)
    return json(delivery_view(again), 202)


@router.get(
    "/{endpoint_id}",
    summary="An endpoint",
    responses=describing.answers({200: shapes.EndpointShape}, 404, 503),
)
async def get(services: TheServices, caller: Caller, endpoint_id: str) -> Response:
    """Without its secret."""
    return json(endpoint_view(await services.webhooks.get(caller.tenant, endpoint_id)))


@router.patch(
    "/{endpoint_id}",
    summary="Change an endpoint",
    openapi_extra={"requestBody": shapes.CHANGED_ENDPOINT},
    responses=describing.answers({200: shapes.EndpointShape}, 400, 404, 413, 422, 503),
)
async def change(exchange: TheExchange, services: TheServices, caller: Caller, endpoint_id: str) -> Response:
    """Its `url`, `events` or `description`; what waits to be sent goes to the new URL."""
    given = await json_object(exchange)
    return json(
        endpoint_view(await services.webhooks.change(caller.tenant, caller.subject, endpoint_id, given))
    )


@router.delete(
    "/{endpoint_id}",
    status_code=204,
    summary="Remove an endpoint",
    responses=describing.answers({}, 404, 503),
)
async def remove(services: TheServices, caller: Caller, endpoint_id: str) -> Response:
    """Nothing more is sent to it; its deliveries stay in the log."""
    await services.webhooks.remove(caller.tenant, caller.subject, endpoint_id)
    return Response(status_code=204)


@router.post(
    "/{endpoint_id}/rotate",
    dependencies=[KEYED],
    summary="Replace an endpoint's secret",
    responses=describing.answers({200: shapes.EndpointShape}, 400, 404, 409, 422, 503),
)
async def rotate(exchange: TheExchange, services: TheServices, caller: Caller, endpoint_id: str) -> Response:
    """For WEBHOOK_OVERLAP_SECONDS the former one signs as well, beside the new one."""
    with promising(exchange, caller.tenant) as promise:
        rotated = await services.webhooks.rotate(caller.tenant, caller.subject, endpoint_id, promise)
    return json(endpoint_view(rotated, secret=True))


@router.post(
    "/{endpoint_id}/test",
    dependencies=[KEYED],
    status_code=202,
    summary="Send an endpoint a test",
    responses=describing.answers({202: shapes.DeliveryShape}, 400, 404, 409, 422, 503),
)
async def test(exchange: TheExchange, services: TheServices, caller: Caller, endpoint_id: str) -> Response:
    """An event `webhook.test`; the delivery's record tells what came of it."""
    with promising(exchange, caller.tenant) as promise:
        sent = await services.webhooks.test(caller.tenant, endpoint_id, promise)
    return json(delivery_view(sent), 202)


@router.post(
    "/{endpoint_id}/enable",
    summary="Send to an endpoint again",
    responses=describing.answers({200: shapes.EndpointShape}, 404, 503),
)
async def enable(services: TheServices, caller: Caller, endpoint_id: str) -> Response:
    """After it was disabled. What it missed is kept as dead: `/redeliver?since=` sends it."""
    return json(endpoint_view(await services.webhooks.enable(caller.tenant, caller.subject, endpoint_id)))


@router.post(
    "/{endpoint_id}/redeliver",
    dependencies=[KEYED],
    status_code=202,
    summary="Send an endpoint again what it was sent since a time",
    responses=describing.answers({202: shapes.Redelivered}, 400, 404, 409, 422, 503),
)
async def redeliver_since(
    exchange: TheExchange,
    services: TheServices,
    caller: Caller,
    endpoint_id: str,
    since: Annotated[str, Query(max_length=40, description="RFC 3339; UTC without an offset")],
    status: DeliveryState | None = None,
) -> Response:
    """All that ended, or with `status=dead` only what was given up."""
    at = _moment(since)
    with promising(exchange, caller.tenant) as promise:
        count = await services.webhooks.redeliver_since(caller.tenant, endpoint_id, at, status, promise)
    return json({"count": count}, 202)


def _moment(given: str) -> float:
    try:
        return read_moment(given)
    except ValueError:
        raise MalformedRequest(
            "since must be a time as RFC 3339 has it, such as 2026-03-01T12:00:00Z",
            code="malformed_time",
            field="since",
        ) from None
