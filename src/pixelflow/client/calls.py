"""The API's calls, each a generator that either driver can run."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pixelflow.client.errors import DamagedDownload, JobFailed, Timeout
from pixelflow.client.exchange import Call, Endpoint
from pixelflow.client.models import Asset, Format, Job, Operation, Output, Plan
from pixelflow.client.picture import Picture, opened
from pixelflow.client.reading import known

LONG_POLL_SECONDS = 30.0
PROGRESS_SECONDS = 0.25
"""How often a waiting client asks when somebody watches the progress."""
PAGE_LIMIT = 200

Pipeline = Sequence[Mapping[str, Any]]
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


def submit(server: Endpoint, picture: Picture, order: Order, idempotency_key: str | None) -> Call[Job]:
    """Create, upload and start in one request, under one key however often it is sent."""
    fields = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in order.fields.items()
    }
    with opened(picture) as part:
        response = yield from server.ask(
            "POST", "/v1/jobs", fields=fields, file=part, key=idempotency_key or uuid4().hex
        )
    return Job.read(response.json())


def submit_url(
    server: Endpoint,
    url: str,
    order: Order,
    headers: Mapping[str, str] | None,
    sha256: str | None,
    idempotency_key: str | None,
) -> Call[Job]:
    """The same for a picture that the server fetches."""
    document = {"source_type": "url", "url": url, **order.fields}
    document |= {"headers": dict(headers)} if headers else {}
    document |= {"sha256": sha256} if sha256 else {}
    response = yield from server.ask(
        "POST", "/v1/jobs", document=document, key=idempotency_key or uuid4().hex
    )
    return Job.read(response.json())


def job(
    server: Endpoint, job_id: str, *, wait_seconds: float = 0.0, deadline: float | None = None
) -> Call[Job]:
    """The job now, or as soon as it has ended within ``wait_seconds``."""
    response = yield from server.ask(
        "GET",
        _job(job_id),
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
        now = yield from job(server, job_id, wait_seconds=min(hold, left), deadline=deadline)
        if on_progress:
            on_progress(now)
        if now.status == "completed":
            return now
        if now.terminal:
            raise JobFailed(now)
        if not left:
            raise Timeout(job_id, timeout_seconds or 0.0, now.status)


def jobs(
    server: Endpoint, filters: Mapping[str, Any], cursor: str | None
) -> Call[tuple[list[Job], str | None]]:
    """One page, newest first, and the cursor of the next."""
    asked = {**filters, "limit": PAGE_LIMIT, "cursor": cursor}
    params = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asked.items()
        if value is not None
    }
    response = yield from server.ask("GET", "/v1/jobs", params=params)
    page = response.json()
    return [Job.read(item) for item in page["items"]], page.get("next_cursor")


def cancel(server: Endpoint, job_id: str) -> Call[Job]:
    """Cancel, and the job as it then is."""
    yield from server.ask("POST", f"{_job(job_id)}/cancel", again={409}.__contains__)
    return (yield from job(server, job_id))


def retry(server: Endpoint, job_id: str) -> Call[Job]:
    """Queue a job again that ended without its outputs, and the job as it then is."""
    yield from server.ask("POST", f"{_job(job_id)}/retry", again={409}.__contains__)
    return (yield from job(server, job_id))


def hold(server: Endpoint, job_id: str, *, held: bool) -> Call[Job]:
    """Keep a job from being deleted, or no longer."""
    response = yield from server.ask("PUT" if held else "DELETE", f"{_job(job_id)}/hold")
    return Job.read(response.json())


def delete(server: Endpoint, job_id: str) -> Call[None]:
    """Delete a job with all its files."""
    yield from server.ask("DELETE", _job(job_id), again={404}.__contains__)


def output_bytes(server: Endpoint, job_id: str, output: Output) -> Call[bytes]:
    """One output, in memory; raises DamagedDownload."""
    buffer = BytesIO()
    yield from _download(server, job_id, output, _Hashing(buffer))
    return buffer.getvalue()


def save(server: Endpoint, job_id: str, output: Output, path: Path) -> Call[Path]:
    """One output into a file, which appears whole or not at all; raises DamagedDownload and OSError."""
    unfinished = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with unfinished.open("wb") as file:
            yield from _download(server, job_id, output, _Hashing(file))
        unfinished.replace(path)
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()
    return path


def save_all(server: Endpoint, job_id: str, outputs: Sequence[Output], folder: Path) -> Call[list[Path]]:
    """Every output into a folder, as ``<step>.<extension>``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / output.file_name for output in outputs]
    for output, path in zip(outputs, paths, strict=True):
        yield from save(server, job_id, output, path)
    return paths


def upload_asset(server: Endpoint, picture: Picture) -> Call[Asset]:
    """Store a picture that pipelines refer to by its id."""
    with opened(picture) as part:
        response = yield from server.ask("POST", "/v1/assets", file=part, key=uuid4().hex)
    return known(Asset, response.json())


def plan(
    server: Endpoint,
    pipeline: Pipeline | None,
    template: str | None,
    source: Mapping[str, Any] | None,
    job_id: str | None,
) -> Call[Plan]:
    """What a pipeline will make of a described picture, of a job's, or of any."""
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
    """The server's version and those of its native libraries, as ``/version`` tells them."""
    response = yield from server.ask("GET", "/version")
    document: dict[str, Any] = response.json()
    return document


class _Hashing:
    """Writes to a file and hashes on the way."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.reset()

    def reset(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self._file.write(chunk)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _download(server: Endpoint, job_id: str, output: Output, sink: _Hashing) -> Call[None]:
    yield from server.ask("GET", f"{_job(job_id)}/outputs/{quote(output.id, safe='')}", sink=sink)
    if output.sha256 and sink.hexdigest() != output.sha256:
        raise DamagedDownload(
            f"output {output.id!r} of job {job_id} arrived with another SHA-256 than the job tells"
        )


def _job(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"
