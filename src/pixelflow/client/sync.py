"""The client for ordinary code."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx

from pixelflow.client import calls, provenance, usage
from pixelflow.client.address import DEFAULT_URL, endpoint, through_proxies
from pixelflow.client.batches import Batches
from pixelflow.client.bulks import Bulks
from pixelflow.client.exchange import Answer, Call, Effect, Pause, Retries, T
from pixelflow.client.handles import HandleFacts, OutputFacts, ResultFacts, made
from pixelflow.client.models import Asset, Format, Job, Operation, Output, Plan
from pixelflow.client.picture import Picture
from pixelflow.client.templates import Templates
from pixelflow.client.usage import TenantSettings, Usage
from pixelflow.client.webhooks import Webhooks


class JobOutput(OutputFacts):
    """One output, ready to be fetched."""

    def __init__(self, client: "Client", job_id: str, facts: Output) -> None:
        super().__init__(job_id, facts)
        self._client = client

    def bytes(self) -> bytes:
        """Fetch it into memory; raises DamagedDownload."""
        return self._client.run(calls.output_bytes(self._client.server, self.job_id, self.facts))

    def save(self, path: str | Path) -> Path:
        """Fetch it into a file, which appears whole or not at all; raises DamagedDownload and OSError."""
        return self._client.run(calls.save(self._client.server, self.job_id, self.facts, Path(path)))


class JobResult(ResultFacts[JobOutput]):
    """A completed job: a mapping from step to output."""

    def __init__(self, client: "Client", job: Job) -> None:
        super().__init__(job, {output.id: JobOutput(client, job.id, output) for output in made(job)})
        self._client = client

    def save(self, folder: str | Path) -> list[Path]:
        """Fetch every output into a folder as ``<step>.<extension>``; raises DamagedDownload and OSError."""
        return self._client.run(
            calls.save_all(self._client.server, self.job.id, made(self.job), Path(folder))
        )


class JobHandle(HandleFacts):
    """A job on the server; each method asks the server and remembers the job it tells in ``job``."""

    def __init__(self, client: "Client", job: Job) -> None:
        super().__init__(job)
        self._client = client

    def result(
        self, *, timeout_seconds: float | None = None, on_progress: calls.OnProgress | None = None
    ) -> JobResult:
        """Wait until the job is completed; ``on_progress`` gets the job at each look at it.

        Raises JobFailed when it ends otherwise, and Timeout after ``timeout_seconds``, which leaves the job
        as it is.
        """
        waiting = calls.finished(self._client.server, self.id, timeout_seconds, on_progress)
        self.job = self._client.run(waiting)
        return JobResult(self._client, self.job)

    def refresh(self) -> Job:
        """The job as it is now."""
        self.job = self._client.run(calls.job(self._client.server, self.id))
        return self.job

    def cancel(self) -> Job:
        """Stop it; raises ApiError 409 when it has ended already."""
        self.job = self._client.run(calls.cancel(self._client.server, self.id))
        return self.job

    def retry(self) -> Job:
        """Queue it again; raises ApiError 409 unless it failed, was cancelled or quarantined."""
        self.job = self._client.run(calls.retry(self._client.server, self.id))
        return self.job

    def manifest(self) -> provenance.Manifest:
        """What it was made of and with; raises ApiError 409 until it has ended."""
        return self._client.run(provenance.manifest(self._client.server, self.id))

    def replay(self) -> "JobHandle":
        """Run it again as a new job, past the step cache; raises ApiError 409 when its picture is gone."""
        return JobHandle(self._client, self._client.run(provenance.replay(self._client.server, self.id)))

    def comparison(self) -> provenance.Comparison:
        """What this replay made beside its original; raises ApiError 409 for what is no replay."""
        return self._client.run(provenance.comparison(self._client.server, self.id))

    def hold(self) -> Job:
        """Keep it from being deleted."""
        self.job = self._client.run(calls.hold(self._client.server, self.id, held=True))
        return self.job

    def release(self) -> Job:
        """Let it be deleted again."""
        self.job = self._client.run(calls.hold(self._client.server, self.id, held=False))
        return self.job

    def delete(self) -> None:
        """Delete it with its input and all its outputs."""
        self._client.run(calls.delete(self._client.server, self.id))


class Client:
    """A PixelFlow server; close it, or use it in a ``with`` block. Safe to share between threads.

    ``timeout_seconds`` bounds connecting and each silence on a connection. A request that broke, or was
    answered with 429, 502, 503 or 504, is sent again, ``tries`` times in all, after a random pause of up to
    ``backoff_seconds``, doubled at each try, or after what ``Retry-After`` says; a wait beyond
    ``max_backoff_seconds`` raises instead. Whatever is created is created once, however often it is sent.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        timeout_seconds: float = 30.0,
        tries: int = 5,
        backoff_seconds: float = 0.25,
        max_backoff_seconds: float = 30.0,
    ) -> None:
        retries = Retries(tries, backoff_seconds, max_backoff_seconds)
        self.server = endpoint(url, token, timeout_seconds, retries)
        self._http = httpx.Client(follow_redirects=True, trust_env=through_proxies(url))
        self.bulks = Bulks(self)
        self.templates = Templates(self)
        self.batches = Batches(self)
        self.webhooks = Webhooks(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def submit(
        self,
        file: Picture,
        pipeline: calls.Pipeline | None = None,
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
    ) -> JobHandle:
        """Upload a picture (path, bytes or binary file) and start its job; ``expires_in`` in seconds.

        It takes a pipeline, or the template of that name. ``store`` says where the outputs are sent as well,
        ``{"url": …}`` with ``headers`` or ``naming``, and ``keep`` how many seconds after its end ``source``,
        ``outputs`` and ``record`` go. The handle knows the job's id and status; ``refresh``
        and ``result`` tell the rest. ``idempotency_key`` makes one job out of several calls; without it each
        call makes its own. Raises ApiError, Unreachable and OSError.
        """
        order = calls.Order(
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
        job = self.run(calls.submit(self.server, file, order, idempotency_key))
        return JobHandle(self, job)

    def submit_url(
        self,
        url: str,
        pipeline: calls.Pipeline | None = None,
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
    ) -> JobHandle:
        """As ``submit``, for a picture that the server fetches: over http or https with ``headers``, or from
        a bucket that it was opened. Its bytes must have the ``sha256``. Raises ApiError and Unreachable.
        """
        order = calls.Order(
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
        job = self.run(calls.submit_url(self.server, url, order, headers, sha256, idempotency_key))
        return JobHandle(self, job)

    def job(self, job_id: str) -> JobHandle:
        """A job by its id; raises ApiError 404 when there is none."""
        return JobHandle(self, self.run(calls.job(self.server, job_id)))

    def jobs(
        self,
        *,
        status: str | None = None,
        created_after: datetime | None = None,
        template: str | None = None,
        batch_id: str | None = None,
        created_before: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Iterator[JobHandle]:
        """All jobs, newest first, fetched page by page as they are looked at; ``template`` is ``thumb`` for
        all its versions, or ``thumb@3``, ``metadata`` has up to three keys with their values."""
        filters = {
            "status": status,
            "created_after": created_after,
            "template": template,
            "batch_id": batch_id,
            "created_before": created_before,
            **{f"metadata.{key}": value for key, value in (metadata or {}).items()},
        }
        cursor: str | None = None
        while True:
            page, cursor = self.run(calls.jobs(self.server, filters, cursor))
            yield from (JobHandle(self, job) for job in page)
            if cursor is None:
                return

    def upload_asset(self, file: Picture) -> Asset:
        """Store a picture for pipelines to refer to; the same bytes give the same id."""
        return self.run(calls.upload_asset(self.server, file))

    def plan(
        self,
        pipeline: calls.Pipeline | None = None,
        *,
        template: str | None = None,
        source: Mapping[str, Any] | None = None,
        job_id: str | None = None,
    ) -> Plan:
        """What a pipeline or a template will make, without running it; raises ApiError 422 for one that would
        be refused.

        Of a picture that ``source`` describes (``width``, ``height``, ``format``, …), of a job's, or of any.
        """
        return self.run(calls.plan(self.server, pipeline, template, source, job_id))

    def operations(self) -> list[Operation]:
        """What a step's ``action`` can be on this server."""
        return self.run(calls.operations(self.server))

    def formats(self) -> list[Format]:
        """The formats that this server reads and writes."""
        return self.run(calls.formats(self.server))

    def audit(
        self, *, action: str | None = None, subject: str | None = None
    ) -> Iterator[provenance.AuditLine]:
        """Who deleted, held, promoted or changed what, newest first, fetched page by page."""
        cursor: str | None = None
        while True:
            page, cursor = self.run(provenance.audit(self.server, action, subject, cursor))
            yield from page
            if cursor is None:
                return

    def storage(self) -> dict[str, Any]:
        """What is stored, and what the sweep would take; ApiError 403 but on the server's own machine."""
        return self.run(provenance.storage(self.server))

    def sweep(self) -> dict[str, Any]:
        """Take at once what is kept no longer; ApiError 403 but on the server's own machine."""
        return self.run(provenance.sweep(self.server))

    def usage(self, *, first: date | None = None, last: date | None = None) -> Usage:
        """What the caller's jobs have taken from ``first`` to ``last``, the last 30 days of UTC."""
        return self.run(usage.usage(self.server, first, last))

    def tenant(self, name: str) -> TenantSettings:
        """A tenant's weight and limits; on the server's own machine only."""
        return self.run(usage.tenant(self.server, name))

    def set_tenant(
        self, name: str, *, weight: float = 1.0, limits: Mapping[str, float | None] | None = None
    ) -> TenantSettings:
        """Set both; a limit that is not named is the server's, ``None`` is none. On the server's own machine
        only."""
        return self.run(usage.set_tenant(self.server, name, weight, limits or {}))

    def tenant_keep(self, name: str) -> dict[str, float | None]:
        """For how many seconds after their end ``source``, ``outputs`` and ``record`` of its jobs are kept,
        ``None`` where the server's setting counts; on the server's own machine only."""
        return self.run(usage.tenant_keep(self.server, name))

    def set_tenant_keep(self, name: str, keep: Mapping[str, float]) -> dict[str, float | None]:
        """Set them for jobs from now on; what is not named is the server's. On its own machine only."""
        return self.run(usage.set_tenant_keep(self.server, name, keep))

    def version(self) -> dict[str, Any]:
        """The versions of the server and of its native libraries."""
        return self.run(calls.version(self.server))

    def run(self, call: Call[T]) -> T:
        """Drive one call of the core to its end."""
        with closing(call):
            answer: Answer = None
            while True:
                try:
                    effect = call.send(answer)
                except StopIteration as end:
                    result: T = end.value
                    return result
                answer = self._perform(effect)

    def _perform(self, effect: Effect) -> Answer:
        if isinstance(effect, Pause):
            time.sleep(effect.seconds)
            return None
        try:
            response = self._http.send(effect.request, stream=True)
            with closing(response):
                if effect.sink and response.is_success:
                    for chunk in response.iter_bytes():
                        effect.sink.write(chunk)
                else:
                    response.read()
        except httpx.TransportError as broken:
            return broken
        return response
