"""The client for ordinary code."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import Concatenate, Self

import httpx

from pixelflow.client import calls, downloads, provenance
from pixelflow.client import usage as accounts
from pixelflow.client.address import DEFAULT_URL, endpoint, through_proxies
from pixelflow.client.batches import Batches
from pixelflow.client.bulks import Bulks
from pixelflow.client.exchange import Answer, Call, Effect, Endpoint, Pause, Retries, T
from pixelflow.client.handles import HandleFacts, OutputFacts, ResultFacts, made
from pixelflow.client.methods import P, blocking, blocking_pages, shown
from pixelflow.client.models import Job, Output
from pixelflow.client.pages import Pages
from pixelflow.client.templates import Templates
from pixelflow.client.webhooks import Webhooks


class JobOutput(OutputFacts):
    """One output, ready to be fetched."""

    def __init__(self, client: "Client", job_id: str, facts: Output) -> None:
        super().__init__(job_id, facts)
        self._client = client

    def bytes(self) -> bytes:
        """Fetch it into memory; raises DamagedDownload."""
        return self._client.run(downloads.output_bytes(self._client.server, self.job_id, self.facts))

    def save(self, path: str | Path) -> Path:
        """Fetch it into a file, which appears whole or not at all; raises DamagedDownload and OSError."""
        return self._client.run(downloads.save(self._client.server, self.job_id, self.facts, Path(path)))


class JobResult(ResultFacts[JobOutput]):
    """A completed job: a mapping from step to output."""

    def __init__(self, client: "Client", job: Job) -> None:
        super().__init__(job, {output.id: JobOutput(client, job.id, output) for output in made(job)})
        self._client = client

    def save(self, folder: str | Path) -> list[Path]:
        """Fetch every output into a folder as ``<step>.<extension>``; raises DamagedDownload and OSError."""
        return self._client.run(
            downloads.save_all(self._client.server, self.job.id, made(self.job), Path(folder))
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


def _handed(
    call: Callable[Concatenate[Endpoint, P], Call[Job]],
) -> Callable[Concatenate["Client", P], JobHandle]:
    asked = blocking(call)

    @wraps(call)
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
        return JobHandle(self, asked(self, *args, **kwargs))

    return shown(method, call, lambda job: JobHandle)


def _handed_pages(
    pages: Callable[Concatenate[Endpoint, P], Pages[Job]],
) -> Callable[Concatenate["Client", P], Iterator[JobHandle]]:
    found = blocking_pages(pages)

    @wraps(pages)
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Iterator[JobHandle]:
        return (JobHandle(self, job) for job in found(self, *args, **kwargs))

    return shown(method, pages, lambda job: Iterator[JobHandle])


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

    submit = _handed(calls.submit)
    submit_url = _handed(calls.submit_url)
    job = _handed(calls.job)
    jobs = _handed_pages(calls.jobs)

    upload_asset = blocking(calls.upload_asset)
    plan = blocking(calls.plan)
    operations = blocking(calls.operations)
    formats = blocking(calls.formats)
    version = blocking(calls.version)
    audit = blocking_pages(provenance.audit)
    storage = blocking(provenance.storage)
    sweep = blocking(provenance.sweep)
    usage = blocking(accounts.usage)
    tenant = blocking(accounts.tenant)
    set_tenant = blocking(accounts.set_tenant)
    tenant_keep = blocking(accounts.tenant_keep)
    set_tenant_keep = blocking(accounts.set_tenant_keep)

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
