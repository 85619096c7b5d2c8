"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, closing
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Self

import httpx

from pixelflow.client import calls, downloads, provenance
from pixelflow.client import usage as accounts
from pixelflow.client.address import DEFAULT_URL, endpoint, through_proxies
from pixelflow.client.batches import AsyncBatches
from pixelflow.client.bulks import AsyncBulks
from pixelflow.client.exchange import Answer, Call, Effect, Endpoint, Pause, Retries, T
from pixelflow.client.handles import HandleFacts, OutputFacts, ResultFacts, made
from pixelflow.client.methods import P, awaited, awaited_pages, shown
from pixelflow.client.models import Job, Output
from pixelflow.client.pages import Pages
from pixelflow.client.templates import AsyncTemplates
from pixelflow.client.webhooks import AsyncWebhooks


class AsyncJobOutput(OutputFacts):
    """One output, ready to be fetched."""

    def __init__(self, client: "AsyncClient", job_id: str, facts: Output) -> None:
        super().__init__(job_id, facts)
        self._client = client

    async def bytes(self) -> bytes:
        """Fetch it into memory; raises DamagedDownload."""
        return await self._client.run(downloads.output_bytes(self._client.server, self.job_id, self.facts))

    async def save(self, path: str | Path) -> Path:
        """Fetch it into a file, which appears whole or not at all; raises DamagedDownload and OSError."""
        return await self._client.run(
            downloads.save(self._client.server, self.job_id, self.facts, Path(path))
        )


class AsyncJobResult(ResultFacts[AsyncJobOutput]):
    """A completed job: a mapping from step to output."""

    def __init__(self, client: "AsyncClient", job: Job) -> None:
        super().__init__(job, {output.id: AsyncJobOutput(client, job.id, output) for output in made(job)})
        self._client = client

    async def save(self, folder: str | Path) -> list[Path]:
        """Fetch every output into a folder as ``<step>.<extension>``; raises DamagedDownload and OSError."""
        return await self._client.run(
            downloads.save_all(self._client.server, self.job.id, made(self.job), Path(folder))
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


def _handed(
    call: Callable[Concatenate[Endpoint, P], Call[Job]],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, AsyncJobHandle]]:
    asked = awaited(call)

    @wraps(call)
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncJobHandle:
        return AsyncJobHandle(self, await asked(self, *args, **kwargs))

    return shown(method, call, lambda job: AsyncJobHandle)


def _handed_pages(
    pages: Callable[Concatenate[Endpoint, P], Pages[Job]],
) -> Callable[Concatenate["AsyncClient", P], AsyncIterator[AsyncJobHandle]]:
    found = awaited_pages(pages)

    @wraps(pages)
    async def method(
        self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncIterator[AsyncJobHandle]:
        async for job in found(self, *args, **kwargs):
            yield AsyncJobHandle(self, job)

    return shown(method, pages, lambda job: AsyncIterator[AsyncJobHandle])


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

    submit = _handed(calls.submit)
    submit_url = _handed(calls.submit_url)
    job = _handed(calls.job)
    jobs = _handed_pages(calls.jobs)

    upload_asset = awaited(calls.upload_asset)
    plan = awaited(calls.plan)
    operations = awaited(calls.operations)
    formats = awaited(calls.formats)
    version = awaited(calls.version)
    audit = awaited_pages(provenance.audit)
    storage = awaited(provenance.storage)
    sweep = awaited(provenance.sweep)
    usage = awaited(accounts.usage)
    tenant = awaited(accounts.tenant)
    set_tenant = awaited(accounts.set_tenant)
    tenant_keep = awaited(accounts.tenant_keep)
    set_tenant_keep = awaited(accounts.set_tenant_keep)

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
