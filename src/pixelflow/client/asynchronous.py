"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx

from pixelflow.client import calls, provenance, usage
from pixelflow.client.address import DEFAULT_URL, endpoint, through_proxies
from pixelflow.client.batches import AsyncBatches
from pixelflow.client.bulks import AsyncBulks
from pixelflow.client.exchange import Answer, Call, Effect, Pause, Retries, T
from pixelflow.client.handles import HandleFacts, OutputFacts, ResultFacts, made
from pixelflow.client.models import Asset, Format, Job, Operation, Output, Plan
from pixelflow.client.picture import Picture
from pixelflow.client.templates import AsyncTemplates
from pixelflow.client.usage import TenantSettings, Usage
from pixelflow.client.webhooks import AsyncWebhooks


class AsyncJobOutput(OutputFacts):
    """One output, ready to be fetched."""

    def __init__(self, client: "AsyncClient", job_id: str, facts: Output) -> None:
        super().__init__(job_id, facts)
        self._client = client

    async def bytes(self) -> bytes:
        """Fetch it into memory; raises DamagedDownload."""
        return await self._client.run(calls.output_bytes(self._client.server, self.job_id, self.facts))

    async def save(self, path: str | Path) -> Path:
        """Fetch it into a file, which appears whole or not at all; raises DamagedDownload and OSError."""
        return await self._client.run(calls.save(self._client.server, self.job_id, self.facts, Path(path)))


class AsyncJobResult(ResultFacts[AsyncJobOutput]):
    """A completed job: a mapping from step to output."""

    def __init__(self, client: "AsyncClient", job: Job) -> None:
        super().__init__(job, {output.id: AsyncJobOutput(client, job.id, output) for output in made(job)})
        self._client = client

    async def save(self, folder: str | Path) -> list[Path]:
        """Fetch every output into a folder as ``<step>.<extension>``; raises DamagedDownload and OSError."""
        return await self._client.run(
            calls.save_all(self._client.server, self.job.id, made(self.job), Path(folder))
        )


class AsyncJobHandle(HandleFacts):
    """A job on the server; each method asks the server and remembers the job it tells in ``job``."""

    def __init__(self, client: "AsyncClient", job: Job) -> None:
        super().__init__(job)
        self._client = client

    async def result(
        self, *, timeout_seconds: float | None = None, on_progress: calls.OnProgress | None = None
    ) -> AsyncJobResult:
        """Wait until the job is completed; ``on_progress`` gets the job at each look at it.

        Raises JobFailed when it ends otherwise, and Timeout after ``timeout_seconds``, which leaves the job
        as it is.
        """
        waiting = calls.finished(self._client.server, self.id, timeout_seconds, on_progress)
        self.job = await self._client.run(waiting)
        return AsyncJobResult(self._client, self.job)

    async def refresh(self) -> Job:
        """The job as it is now."""
        self.job = await self._client.run(calls.job(self._client.server, self.id))
        return self.job

    async def cancel(self) -> Job:
        """Stop it; raises ApiError 409 when it has ended already."""
        self.job = await self._client.run(calls.cancel(self._client.server, self.id))
        return self.job

    async def retry(self) -> Job:
        """Queue it again; raises ApiError 409 unless it failed, was cancelled or quarantined."""
        self.job = await self._client.run(calls.retry(self._client.server, self.id))
        return self.job

    async def manifest(self) -> provenance.Manifest:
        """What it was made of and with; raises ApiError 409 until it has ended."""
        return await self._client.run(provenance.manifest(self._client.server, self.id))

    async def replay(self) -> "AsyncJobHandle":
        """Run it again as a new job, past the step cache; raises ApiError 409 when its picture is gone."""
        return AsyncJobHandle(
            self._client, await self._client.run(provenance.replay(self._client.server, self.id))
        )

    async def comparison(self) -> provenance.Comparison:
        """What this replay made beside its original; raises ApiError 409 for what is no replay."""
        return await self._client.run(provenance.comparison(self._client.server, self.id))

    async def hold(self) -> Job:
        """Keep it from being deleted."""
        self.job = await self._client.run(calls.hold(self._client.server, self.id, held=True))
        return self.job

    async def release(self) -> Job:
        """Let it be deleted again."""
        self.job = await self._client.run(calls.hold(self._client.server, self.id, held=False))
        return self.job

    async def delete(self) -> None:
        """Delete it with its input and all its outputs."""
        await self._client.run(calls.delete(self._client.server, self.id))


class AsyncClient:
    """A PixelFlow server; close it, or use it in an ``async with`` block. Belongs to one event loop.

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
        self._http = httpx.AsyncClient(follow_redirects=True, trust_env=through_proxies(url))
        self.bulks = AsyncBulks(self)
        self.templates = AsyncTemplates(self)
        self.batches = AsyncBatches(self)
        self.webhooks = AsyncWebhooks(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def submit(
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
    ) -> AsyncJobHandle:
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
        job = await self.run(calls.submit(self.server, file, order, idempotency_key))
        return AsyncJobHandle(self, job)

    async def submit_url(
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
    ) -> AsyncJobHandle:
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
        job = await self.run(calls.submit_url(self.server, url, order, headers, sha256, idempotency_key))
        return AsyncJobHandle(self, job)

    async def job(self, job_id: str) -> AsyncJobHandle:
        """A job by its id; raises ApiError 404 when there is none."""
        return AsyncJobHandle(self, await self.run(calls.job(self.server, job_id)))

    async def jobs(
        self,
        *,
        status: str | None = None,
        created_after: datetime | None = None,
        template: str | None = None,
        batch_id: str | None = None,
        created_before: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[AsyncJobHandle]:
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
            page, cursor = await self.run(calls.jobs(self.server, filters, cursor))
            for job in page:
                yield AsyncJobHandle(self, job)
            if cursor is None:
                return

    async def upload_asset(self, file: Picture) -> Asset:
        """Store a picture for pipelines to refer to; the same bytes give the same id."""
        return await self.run(calls.upload_asset(self.server, file))

    async def plan(
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
        return await self.run(calls.plan(self.server, pipeline, template, source, job_id))

    async def operations(self) -> list[Operation]:
        """What a step's ``action`` can be on this server."""
        return await self.run(calls.operations(self.server))

    async def formats(self) -> list[Format]:
        """The formats that this server reads and writes."""
        return await self.run(calls.formats(self.server))

    async def audit(
        self, *, action: str | None = None, subject: str | None = None
    ) -> AsyncIterator[provenance.AuditLine]:
        """Who deleted, held, promoted or changed what, newest first, fetched page by page."""
        cursor: str | None = None
        while True:
            page, cursor = await self.run(provenance.audit(self.server, action, subject, cursor))
            for line in page:
                yield line
            if cursor is None:
                return

    async def storage(self) -> dict[str, Any]:
        """What is stored, and what the sweep would take; ApiError 403 but on the server's own machine."""
        return await self.run(provenance.storage(self.server))

    async def sweep(self) -> dict[str, Any]:
        """Take at once what is kept no longer; ApiError 403 but on the server's own machine."""
        return await self.run(provenance.sweep(self.server))

    async def usage(self, *, first: date | None = None, last: date | None = None) -> Usage:
        """What the caller's jobs have taken from ``first`` to ``last``, the last 30 days of UTC."""
        return await self.run(usage.usage(self.server, first, last))

    async def tenant(self, name: str) -> TenantSettings:
        """A tenant's weight and limits; on the server's own machine only."""
        return await self.run(usage.tenant(self.server, name))

    async def set_tenant(
        self, name: str, *, weight: float = 1.0, limits: Mapping[str, float | None] | None = None
    ) -> TenantSettings:
        """Set both; a limit that is not named is the server's, ``None`` is none. On the server's own machine
        only."""
        return await self.run(usage.set_tenant(self.server, name, weight, limits or {}))

    async def tenant_keep(self, name: str) -> dict[str, float | None]:
        """For how many seconds after their end ``source``, ``outputs`` and ``record`` of its jobs are kept,
        ``None`` where the server's setting counts; on the server's own machine only."""
        return await self.run(usage.tenant_keep(self.server, name))

    async def set_tenant_keep(self, name: str, keep: Mapping[str, float]) -> dict[str, float | None]:
        """Set them for jobs from now on; what is not named is the server's. On its own machine only."""
        return await self.run(usage.set_tenant_keep(self.server, name, keep))

    async def version(self) -> dict[str, Any]:
        """The versions of the server and of its native libraries."""
        return await self.run(calls.version(self.server))

    async def run(self, call: Call[T]) -> T:
        """Drive one call of the core to its end."""
        with closing(call):
            answer: Answer = None
            while True:
                try:
                    effect = call.send(answer)
                except StopIteration as end:
                    result: T = end.value
                    return result
                answer = await self._perform(effect)

    async def _perform(self, effect: Effect) -> Answer:
        if isinstance(effect, Pause):
            await asyncio.sleep(effect.seconds)
            return None
        try:
            response = await self._http.send(effect.request, stream=True)
            async with aclosing(response):
                if effect.sink and response.is_success:
                    async for chunk in response.aiter_bytes():
                        effect.sink.write(chunk)
                else:
                    await response.aread()
        except httpx.TransportError as broken:
            return broken
        return response
