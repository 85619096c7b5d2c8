"""Webhooks as the API takes and shows them, and what is sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from pixelflow.domain.webhook import (
    EVENTS,
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointState,
    Message,
    Secret,
)
from pixelflow.http.shapes.shape import JOB_ID, Moment, Shape
from pixelflow.http.view import encode, job_view, moment, output_view

ENDPOINT_ID = "ep_01994d3c-7a10-7c52-9f0e-6f8f6f6b1c11"
DELIVERY_ID = "dlv_01994d3c-7a10-7c52-9f0e-6f8f6f6b1c11"
URL = "https://client-site.com/hooks/pixel-done"
SECRET = "whsec_…"  # noqa: S105 - an example of none


class EndpointShape(Shape):
    """A registered receiver; `secret` is in the answers of its creation and of a rotation only."""

    id: str = Field(examples=[ENDPOINT_ID])
    url: str = Field(examples=[URL])
    events: list[str] = Field(examples=[list(EVENTS)])
    description: str | None = Field(examples=["The shop's back end"])
    status: EndpointState
    reason: str | None = Field(description="Why it is disabled.")
    failing_since: Moment | None = Field(description="The first failure after the last success.")
    created_at: Moment
    secret: str | None = Field(None, examples=[SECRET])
    former_secret_until: Moment | None = Field(None, description="Until then, the one before signs as well.")


class EndpointPage(Shape):
    """All endpoints, newest first."""

    items: list[EndpointShape]
    next_cursor: str | None


class SecretShape(Shape):
    """The secret that signs what is sent to jobs' own `webhook_url`."""

    secret: str = Field(examples=[SECRET])
    former_secret_until: Moment | None = Field(description="Until then, the one before signs as well.")


class DeliveryShape(Shape):
    """One message's way to one receiver; `response_status` and `error` are the last try's."""

    id: str = Field(examples=[DELIVERY_ID])
    message_id: str = Field(description="The `webhook-id` of every try.")
    type: str = Field(examples=["job.completed"])
    endpoint: str | None = Field(examples=[ENDPOINT_ID], description="`null` for a job's own `webhook_url`.")
    job_id: str | None = Field(examples=[JOB_ID])
    url: str = Field(examples=[URL])
    status: DeliveryState
    attempts: int = Field(examples=[1])
    next_attempt_at: Moment | None
    created_at: Moment
    ended_at: Moment | None
    response_status: int | None = Field(examples=[200])
    error: str | None


class AttemptShape(Shape):
    """One try; secrets and signatures are left out of its headers."""

    number: int = Field(examples=[1])
    at: Moment
    seconds: float = Field(examples=[0.031])
    response_status: int | None = Field(examples=[200])
    error: str | None = Field(description="Why there was no answer.")
    request_headers: dict[str, str]
    response_headers: dict[str, str]


class DeliveryWhole(DeliveryShape):
    """A delivery with every try and what is sent."""

    tries: list[AttemptShape]
    payload: dict[str, Any]


class DeliveryPage(Shape):
    """A page of deliveries, newest first."""

    items: list[DeliveryShape]
    next_cursor: str | None


class Redelivered(Shape):
    """How many deliveries are sent again."""

    count: int = Field(examples=[12])


_EVENTS: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "enum": list(EVENTS)},
    "description": "Left out, all of them.",
}
_ENDPOINT: dict[str, Any] = {
    "url": {"type": "string", "format": "uri", "description": "https, without credentials, no private host."},
    "events": _EVENTS,
    "description": {"type": ["string", "null"], "maxLength": 500},
}


def _body(required: Sequence[str], example: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "additionalProperties": False, "properties": _ENDPOINT}
    if required:
        schema["required"] = required
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


NEW_ENDPOINT = _body(["url"], {"url": URL, "events": ["job.completed", "job.failed"]})
CHANGED_ENDPOINT = _body([], {"events": ["job.failed"]})


def endpoint_view(endpoint: Endpoint, *, secret: bool = False) -> dict[str, Any]:
    """An endpoint; its newest secret only when it was just made."""
    shown: dict[str, Any] = {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": endpoint.events,
        "description": endpoint.description,
        "status": endpoint.state,
        "reason": endpoint.reason,
        "failing_since": moment(endpoint.failing_since),
        "created_at": moment(endpoint.created_at),
    }
    return {**shown, **secret_view(endpoint.secrets)} if secret else shown


def secret_view(secrets: Sequence[Secret]) -> dict[str, Any]:
    """The newest secret, and how long the one before still signs."""
    former = secrets[1].until if len(secrets) > 1 else None
    return {"secret": secrets[0].text, "former_secret_until": moment(former)}


def delivery_view(delivery: Delivery) -> dict[str, Any]:
    """A line of the log."""
    pending = delivery.state is DeliveryState.PENDING
    return {
        "id": delivery.id,
        "message_id": delivery.message_id,
        "type": delivery.kind,
        "endpoint": delivery.endpoint_id,
        "job_id": delivery.job_id,
        "url": delivery.url,
        "status": delivery.state,
        "attempts": delivery.attempts,
        "next_attempt_at": moment(delivery.next_at) if pending else None,
        "created_at": moment(delivery.created_at),
        "ended_at": moment(delivery.ended_at),
        "response_status": delivery.status,
        "error": delivery.error,
    }


def whole_view(
    delivery: Delivery, message: Message, attempts: Sequence[Attempt], base: str
) -> dict[str, Any]:
    """With every try and the payload."""
    tries = [
        {
            "number": attempt.number,
            "at": moment(attempt.at),
            "seconds": round(attempt.seconds, 6),
            "response_status": attempt.status,
            "error": attempt.error,
            "request_headers": attempt.request,
            "response_headers": attempt.answer,
        }
        for attempt in attempts
    ]
    return {**delivery_view(delivery), "tries": tries, "payload": payload_view(message, base)}


def payload_view(message: Message, base: str) -> dict[str, Any]:
    """What is sent; ``sequence`` tells the order, which the arrival does not."""
    return {
        "type": message.kind,
        "timestamp": moment(message.at),
        "sequence": message.sequence,
        "data": _data(message, base),
    }


def payload(message: Message, base: str) -> bytes:
    """The same as it goes over the wire."""
    return encode(payload_view(message, base))


def _data(message: Message, base: str) -> Mapping[str, Any]:
    job = message.job
    if job is None:
        return message.data
    if message.output is None:
        return job_view(job, base)
    return next((output_view(job, each, base) for each in job.outputs if each.id == message.output), {})
