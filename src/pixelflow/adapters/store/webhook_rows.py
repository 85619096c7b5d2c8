"""Endpoints, messages and deliveries as rows, as in ``rows``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from pixelflow.adapters.store.rows import Row, json_text
from pixelflow.domain.job import Job
from pixelflow.domain.webhook import (
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointState,
    Message,
    Secret,
)

ENDPOINT_COLUMNS = "tenant, id, url, events, secrets, description, state, reason, failing_since, created_at"
MESSAGE_COLUMNS = "tenant, id, kind, job_id, batch_id, sequence, at, output, snapshot"
DELIVERY_COLUMNS = (
    "tenant, id, message_id, kind, endpoint_id, job_id, url, lane, state, attempts, earlier, "
    "next_at, created_at, ended_at, status, error"
)

_to_json = msgspec.json.Encoder().encode
_to_object = msgspec.json.Decoder(dict[str, object]).decode
_to_words = msgspec.json.Decoder(tuple[str, ...]).decode
_to_secrets = msgspec.json.Decoder(tuple[Secret, ...]).decode
_to_headers = msgspec.json.Decoder(dict[str, str]).decode
_to_job = msgspec.json.Decoder(Job).decode


def to_endpoint(row: Row) -> Endpoint:
    """A row of ``ENDPOINT_COLUMNS``."""
    tenant, endpoint_id, url, events, secrets, description, state, *rest = row
    return Endpoint(
        tenant,
        endpoint_id,
        url,
        to_events(events),
        to_secrets(secrets),
        description,
        EndpointState(state),
        *rest,
    )


def to_events(text: str) -> Sequence[str]:
    """An endpoint's filter."""
    return _to_words(text)


def to_secrets(text: str | None) -> Sequence[Secret]:
    """A column of secrets."""
    return _to_secrets(text) if text else ()


def secrets_text(secrets: Sequence[Secret]) -> str:
    """A column of secrets."""
    return _to_json(secrets).decode()


def events_text(events: Sequence[str]) -> str:
    """An endpoint's filter."""
    return _to_json(events).decode()


def message_values(message: Message) -> dict[str, object]:
    """A message's columns by name; the job is kept as it is, without what is shown to nobody."""
    job = message.job
    snapshot = _to_json(_shown(job) if job else message.data).decode()
    return {
        "tenant": message.tenant,
        "id": message.id,
        "kind": message.kind,
        "job_id": job.id if job else None,
        "batch_id": message.batch_id,
        "sequence": message.sequence,
        "at": message.at,
        "output": message.output,
        "snapshot": snapshot,
    }


def _shown(job: Job) -> Job:
    remote = replace(job.remote, headers={}) if job.remote else None
    target = replace(job.target, headers={}) if job.target else None
    return replace(job, remote=remote, target=target, owner=None, lease_until=None, manifest=None)


def to_message(row: Row) -> Message:
    """A row of ``MESSAGE_COLUMNS``."""
    tenant, message_id, kind, job_id, batch_id, sequence, at, output, snapshot = row
    if job_id is not None:
        job = _to_job(snapshot)
        job = replace(job, outputs=tuple(job.outputs), skipped=tuple(job.skipped))
        return Message(tenant, message_id, kind, at, sequence, job, output)
    return Message(tenant, message_id, kind, at, sequence, data=_to_object(snapshot), batch_id=batch_id)


def to_delivery(row: Row) -> Delivery:
    """A row of ``DELIVERY_COLUMNS``."""
    tenant, found, message_id, kind, endpoint_id, job_id, url, lane, state, *rest = row
    state = DeliveryState(state)
    return Delivery(tenant, found, message_id, kind, endpoint_id, job_id, url, lane, state, *rest)


def attempt_values(attempt: Attempt) -> dict[str, object]:
    """A try's columns by name."""
    return {
        "number": attempt.number,
        "at": attempt.at,
        "seconds": attempt.seconds,
        "status": attempt.status,
        "error": attempt.error,
        "request": json_text(attempt.request),
        "answer": json_text(attempt.answer),
    }


def to_attempt(row: Row) -> Attempt:
    """A row of ``ATTEMPTS``."""
    number, at, seconds, status, error, request, answer = row
    return Attempt(number, at, seconds, status, error, _headers(request), _headers(answer))


def _headers(text: str | None) -> Mapping[str, str]:
    return _to_headers(text) if text else {}
