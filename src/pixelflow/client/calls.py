"""The API's calls, each a generator that either driver can run."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pixelflow.client.errors import JobFailed, Timeout
from pixelflow.client.exchange import Call, Endpoint
from pixelflow.client.models import Asset, Format, Job, Operation, Pipeline, Plan
from pixelflow.client.pages import Pages
from pixelflow.client.picture import Picture, opened
from pixelflow.client.reading import known

LONG_POLL_SECONDS = 30.0
PROGRESS_SECONDS = 0.25
"""How often a waiting client asks when somebody watches the progress."""

OnProgress = Callable[[Job], object]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done with a picture, as ``Client.submit`` takes it."""

    pipeline: Pipeline | None
    template: str | None
    metadata: Mapping[str, Any] | None
    priority: int | None
    expires_in: float | timedelta | None
    webhook_url: str | None
    store: Mapping[str, Any] | None
    keep: Mapping[str, float] | None
    scheduled_at: datetime | None = None
    deadline_seconds: float | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The request's, without those that are not given."""
        seconds = (
            self.expires_in.total_seconds() if isinstance(self.expires_in, timedelta) else self.expires_in
        )
        given = {
            "pipeline": self.pipeline,
            "template": self.template,
            "metadata": self.metadata,
            "priority": self.priority,
            "expires_in": seconds,
            "webhook_url": self.webhook_url,
            "store": self.store,
            "keep": self.keep,
            "scheduled_at": None if self.scheduled_at is None else self.scheduled_at.isoformat(),
            "deadline_seconds": self.deadline_seconds,
        }
        return {name: value for name, value in given.items() if value is not None}


def submit(
    server: Endpoint,
    file: Picture,
    pipeline: Pipeline | None = None,
    *,
    template: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    priority: int | None = None,
    expires_in: float | timedelta | None = None,
    webhook_url: str | None = None,
    store: Mapping[str, Any] | None = None,
    keep: Mapping[str, float] | None = None,
    scheduled_at: datetime | None = None,
    deadline_seconds: float | None = None,
    idempotency_key: str | None = None,
) -> Call[Job]:
    """Upload a picture (path, bytes or binary file) and start its job; ``expires_in`` in seconds.

    It takes a pipeline, or the template of that name. ``store`` says where the outputs are sent as well,
    ``{"url": …}`` with ``headers`` or ``naming``, and ``keep`` how many seconds after its end ``source``,
    ``outputs`` and ``record`` go. The handle knows the job's id and status; ``refresh``
    and ``result`` tell the rest. ``idempotency_key`` makes one job out of several calls; without it each
    call makes its own. Raises ApiError, Unreachable and OSError.
    """
    order = Order(
        pipeline,
        template,
        metadata,
        priority,
        expires_in,
        webhook_url,
        store,
        keep,
        scheduled_at,
        deadline_seconds,
    )
    fields = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in order.fields.items()
    }
    with opened(file) as part:
        response = yield from server.ask(
            "POST", "/v1/jobs", fields=fields, file=part, key=idempotency_key or uuid4().hex
        )
    return Job.read(response.json())


def submit_url(
    server: Endpoint,
    url: str,
    pipeline: Pipeline | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    sha256: str | None = None,
    template: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    priority: int | None = None,
    expires_in: float | timedelta | None = None,
    webhook_url: str | None = None,
    store: Mapping[str, Any] | None = None,
    keep: Mapping[str, float] | None = None,
    scheduled_at: datetime | None = None,
    deadline_seconds: float | None = None,
    idempotency_key: str | None = None,
) -> Call[Job]:
    """As ``submit``, for a picture that the server fetches: over http or https with ``headers``, or from
    a bucket that it was opened. Its bytes must have the ``sha256``. Raises ApiError and Unreachable.
    """
    order = Order(
        pipeline,
        template,
        metadata,
        priority,
        expires_in,
        webhook_url,
        store,
        keep,
        scheduled_at,
        deadline_seconds,
    )
    document = {"source_type": "url", "url": url, **order.fields}
    document |= {"headers": dict(headers)} if headers else {}
    document |= {"sha256": sha256} if sha256 else {}
    response = yield from server.ask(
        "POST", "/v1/jobs", document=document, key=idempotency_key or uuid4().hex
    )
    return Job.read(response.json())


def job(server: Endpoint, job_id: str) -> Call[Job]:
    """A job by its id; raises ApiError 404 when there is none."""
    return (yield from _looked(server, job_id, 0.0, None))


def _looked(server: Endpoint, job_id: str, wait_seconds: float, deadline: float | None) -> Call[Job]:
    """The job now, or as soon as it has ended within ``wait_seconds``."""
    response = yield from server.ask(
        "GET",
        job_path(job_id),
        params={"wait": f"{wait_seconds:.3f}"} if wait_seconds else None,
        patience_seconds=wait_seconds,
        deadline=deadline,
    )
    return Job.read(response.json())


def finished(
    server: Endpoint, job_id: str, timeout_seconds: float | None, on_progress: OnProgress | None
) -> Call[Job]:
    """Wait by long polls until the job is completed; raises JobFailed and Timeout."""
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    hold = PROGRESS_SECONDS if on_progress else LONG_POLL_SECONDS
    while True:
        left = hold if deadline is None else max(0.0, deadline - time.monotonic())
        now = yield from _looked(server, job_id, min(hold, left), deadline)
        if on_progress:
            on_progress(now)
        if now.status == "completed":
            return now
        if now.terminal:
            raise JobFailed(now)
        if not left:
            raise Timeout(job_id, timeout_seconds or 0.0, now.status)


def jobs(
    server: Endpoint,
    *,
    status: str | None = None,
    created_after: datetime | None = None,
    template: str | None = None,
    batch_id: str | None = None,
    created_before: datetime | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Pages[Job]:
    """All jobs, newest first, fetched page by page as they are looked at; ``template`` is ``thumb`` for
    all its versions, or ``thumb@3``, ``metadata`` has up to three keys with their values."""
    where = {
        "status": status,
        "created_after": created_after,
        "template": template,
        "batch_id": batch_id,
        "created_before": created_before,
        **{f"metadata.{key}": value for key, value in (metadata or {}).items()},
    }
    return Pages(server, "/v1/jobs", Job.read, where)


def cancel(server: Endpoint, job_id: str) -> Call[Job]:
    """Cancel, and the job as it then is."""
    yield from server.ask("POST", f"{job_path(job_id)}/cancel", again={409}.__contains__)
    return (yield from job(server, job_id))


def retry(server: Endpoint, job_id: str) -> Call[Job]:
    """Queue a job again that ended without its outputs, and the job as it then is."""
    yield from server.ask("POST", f"{job_path(job_id)}/retry", again={409}.__contains__)
    return (yield from job(server, job_id))


def hold(server: Endpoint, job_id: str, *, held: bool) -> Call[Job]:
    """Keep a job from being deleted, or no longer."""
    response = yield from server.ask("PUT" if held else "DELETE", f"{job_path(job_id)}/hold")
    return Job.read(response.json())


def delete(server: Endpoint, job_id: str) -> Call[None]:
    """Delete a job with all its files."""
    yield from server.ask("DELETE", job_path(job_id), again={404}.__contains__)


def upload_asset(server: Endpoint, file: Picture) -> Call[Asset]:
    """Store a picture for pipelines to refer to; the same bytes give the same id."""
    with opened(file) as part:
        response = yield from server.ask("POST", "/v1/assets", file=part, key=uuid4().hex)
    return known(Asset, response.json())


def plan(
    server: Endpoint,
    pipeline: Pipeline | None = None,
    *,
    template: str | None = None,
    source: Mapping[str, Any] | None = None,
    job_id: str | None = None,
) -> Call[Plan]:
    """What a pipeline or a template will make, without running it; raises ApiError 422 for one that would
    be refused.

    Of a picture that ``source`` describes (``width``, ``height``, ``format``, …), of a job's, or of any.
    """
    described = {"job_id": job_id} if job_id is not None else source
    given = {"pipeline": pipeline, "template": template, "source": described}
    document = {name: value for name, value in given.items() if value is not None}
    response = yield from server.ask("POST", "/v1/pipelines/plan", document=document)
    return Plan.read(response.json())


def operations(server: Endpoint) -> Call[list[Operation]]:
    """What a step's ``action`` can be on this server."""
    response = yield from server.ask("GET", "/v1/operations")
    return [known(Operation, item) for item in response.json()["operations"]]


def formats(server: Endpoint) -> Call[list[Format]]:
    """The formats that this server reads and writes."""
    response = yield from server.ask("GET", "/v1/formats")
    return [known(Format, item) for item in response.json()["formats"]]


def version(server: Endpoint) -> Call[dict[str, Any]]:
    """The versions of the server and of its native libraries."""
    response = yield from server.ask("GET", "/version")
    document: dict[str, Any] = response.json()
    return document


def job_path(job_id: str) -> str:
    """Where the API has a job."""
    return f"/v1/jobs/{quote(job_id, safe='')}"
