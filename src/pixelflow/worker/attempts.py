"""One try at a job: its picture had, its steps done, its outputs kept and sent."""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from pixelflow.domain.errors import Busy, PixelFlowError, TransferFailed
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import Claim, Completion, Failure, Job, Output, SkippedOutput, Source
from pixelflow.domain.keys import output_key
from pixelflow.domain.limits import ImageLimits
from pixelflow.domain.media import BY_NAME, extension, same_as
from pixelflow.imaging import wire
from pixelflow.imaging.plan import checked
from pixelflow.operations.pipeline import Pipeline, Step
from pixelflow.operations.references import URL, urls_in
from pixelflow.ports.events import EventHub
from pixelflow.ports.queue import Queue
from pixelflow.ports.storage import Storage
from pixelflow.ports.store import JobStore, picture_key
from pixelflow.worker.cache import NOTHING, Found, StepCache
from pixelflow.worker.lease import ClaimLost, Lease
from pixelflow.worker.pool import Pool
from pixelflow.worker.provenance import Provenance
from pixelflow.worker.results import Results
from pixelflow.worker.running import Died, Running, Stopped
from pixelflow.worker.setbacks import Setbacks

NO_WORK: Mapping[str, float] = {}
"""The CPU time of an attempt that ended before a decoder had it."""


@dataclass(frozen=True)
class Attempts:
    """What an attempt takes, and how it goes; many run at once."""

    store: JobStore
    storage: Storage
    queue: Queue
    hub: EventHub
    pool: Pool
    limits: ImageLimits
    setbacks: Setbacks
    room: asyncio.Event
    """Set when a slot comes free, or a job waits for another machine and so needs none."""
    announce_after_seconds: float = 0.3
    """How long a job runs before its outputs are told of as they come."""
    provenance: Provenance | None = None
    """Without one jobs have no manifest."""
    cache: StepCache | None = None
    """Without one every step is done, whatever there is already."""
    fetch: Callable[[Job], Coroutine[Any, Any, Source]] | None = None
    """Stores a job's picture that is to be fetched; raises TransferFailed, RemoteUnavailable, and OSError
    when the storage fails."""
    fetch_file: Callable[[Job, str], Coroutine[Any, Any, int]] | None = None
    """A descriptor of the picture at a URL that steps refer to; raises the same."""
    deliver: Callable[[Job, Sequence[Output]], Coroutine[Any, Any, Sequence[Output]]] | None = None
    """Sends a job's outputs to its target; raises the same."""
    enter: Callable[[Job], None] = lambda job: None
    """Asked before work is done for a job with a target; raises the same while that is out of reach."""
    observe: Callable[[str, float], None] = lambda phase, seconds: None
    """Told each phase's name (waiting, decode, an operation, encode, storing) and its seconds."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the first of those that wait for room, so that the others wait for their turn."""
    placed: set[Claim] = field(default_factory=set)
    """Those that waited, have room now, and are not yet with the pool."""

    def results(self, job: Job, lease: Lease) -> Results:
        """Those of an attempt that begins now."""
        announce_at = asyncio.get_running_loop().time() + self.announce_after_seconds
        return Results(job, self.store, self.storage, self.hub, announce_at, lease.stop)

    async def run(self, job: Job, lease: Lease, results: Results) -> Job | None:
        """The job as its end was written down; ``None`` once the claim is lost.

        Raises OSError or PixelFlowError where a service failed: then nothing is written.
        """
        claim = job.claim
        try:
            if job.target is not None:
                self.enter(job)
            if job.remote is not None and job.source.key is None:
                results.job = await self._fetched(job, lease)
            return await self._made(results.job, claim, lease, results)
        except TransferFailed as error:
            failure = Failure(error.code, error.detail, error.step)
            spent = NO_WORK if results.job.source.key is None else None
            return await self.store.finish(claim, Completion(failure=failure, spent=spent))
        except ClaimLost:
            return None
        finally:
            self.placed.discard(claim)

    async def _fetched(self, job: Job, lease: Lease) -> Job:
        """The job with its source; raises ClaimLost."""
        if self.fetch is None:
            raise TransferFailed("source_refused", "this server fetches no pictures")
        begun = time.perf_counter()
        self.room.set()
        source = await lease.during(self.fetch(job))
        assert source.key is not None
        try:
            noted = await self.store.fetched(job.claim, source)
        except Exception as error:  # one that is broken off may have put it in the book
            await self.storage.delete([source.key])
            if isinstance(error, Busy):
                raise TransferFailed("source_quota", error.detail) from error
            raise
        if noted is None:
            await self.storage.delete([source.key])
            raise ClaimLost
        self.observe("fetching", time.perf_counter() - begun)
        await lease.during(self._place(job.claim))
        return noted

    async def _delivered(self, job: Job, outputs: Sequence[Output], lease: Lease) -> Sequence[Output]:
        """The outputs, sent; raises ClaimLost."""
        if self.deliver is None:
            raise TransferFailed("delivery_refused", "this server sends no outputs")
        begun = time.perf_counter()
        sent = await lease.during(self.deliver(job, outputs))
        self.observe("delivering", time.perf_counter() - begun)
        return sent

    async def _place(self, claim: Claim) -> None:
        """Wait until a decoder has room: others were claimed meanwhile."""
        async with self.turn:
            while self.pool.room <= len(self.placed):
                self.room.clear()
                await self.room.wait()
            self.placed.add(claim)

    async def _made(self, job: Job, claim: Claim, lease: Lease, results: Results) -> Job | None:
        try:
            pipeline = checked([dict(step) for step in job.pipeline])
        except PixelFlowError as error:
            failure = Failure("invalid", error.detail)
            return await self.store.finish(claim, Completion(failure=failure, spent=NO_WORK))
        places = {step.id: self._key(job, step) for step in pipeline.outputs}
        found = NOTHING
        if self.cache and job.replay_of is None:
            found = await self.cache.find(job, pipeline)
            results.ready.update(await self.cache.reuse(found, places))
        missing = [step for step in places if step not in results.ready]
        if not missing:
            return await self._keep(claim, found.finished, found, results, lease)
        left = checked(pipeline.leading_to(missing)) if results.ready else pipeline
        with ExitStack() as opened:
            try:
                files = await self._open(job, left, opened, lease)
                files = [*files, *(results.stage(step, places[step]) for step in missing)]
                self.placed.discard(claim)
                running = self._submit(lease, left, files, results)
                lease.attach(running)
                if results.ready:
                    results.tell()
                outcome = await running.outcome
                await results.stop()
                if isinstance(outcome, wire.Finished):
                    return await self._keep(claim, outcome, found, results, lease)
            except _Missing as error:
                failure = Failure("source_missing", f"{error} is no longer in the storage")
                return await self.store.finish(claim, Completion(failure=failure, spent=NO_WORK))
            finally:
                await results.discard()
        match outcome:
            case wire.Failed(code, message, step_id):
                return await self._failed(claim, Failure(code, message, step_id))
            case Died("timeout", detail):
                return await self._failed(claim, Failure("timeout", detail))
            case Died():
                ended = await self.setbacks.crashed(job, claim, outcome)
                await self.queue.ring()
                return ended
            case Stopped():
                return None

    def _submit(self, lease: Lease, pipeline: Pipeline, files: Sequence[int], results: Results) -> Running:
        task = wire.Task(
            steps=[dict(step) for step in pipeline.raw],
            assets=sorted(pipeline.needs),
            outputs=[step.id for step in pipeline.outputs],
            limits=self.limits,
        )
        return self.pool.submit(
            task,
            files,
            lambda percent: self._progress(results.job, lease, percent),
            results.written,
            results.job.deadline_seconds,
        )

    def _progress(self, job: Job, lease: Lease, percent: int) -> None:
        event = Event(
            job.tenant, job.id, EventKind.PROGRESS, time.time(), attempt=job.attempt, progress=percent
        )
        lease.percent = percent
        self.hub.publish(event, job)

    async def _open(self, job: Job, pipeline: Pipeline, opened: ExitStack, lease: Lease) -> Sequence[int]:
        """The source and the pictures that steps refer to, open as long as ``opened`` is."""
        files: list[int] = []
        names = ("", *sorted(pipeline.needs))
        for name in names:
            if URL in name:
                file = await self._referred(job, name, lease)
            else:
                key = await picture_key(self.store, job.tenant, name) if name else job.source.key
                if key is None:
                    raise _Missing(name or "its source")
                try:
                    file = await self.storage.open(key)
                except KeyError as error:
                    raise _Missing(name or "its source") from error
            opened.callback(os.close, file)
            files.append(file)
        if urls_in(pipeline.needs):
            await self._charged(job, [file for name, file in zip(names, files, strict=True) if URL in name])
            await lease.during(self._place(job.claim))
        return files

    async def _charged(self, job: Job, referred: Sequence[int]) -> None:
        try:
            held = await self.store.referred(job.claim, sum(os.fstat(file).st_size for file in referred))
        except Busy as error:
            raise TransferFailed("reference_quota", error.detail) from error
        if not held:
            raise ClaimLost

    async def _referred(self, job: Job, url: str, lease: Lease) -> int:
        if self.fetch_file is None:
            raise TransferFailed("reference_refused", "this server fetches no pictures")
        self.placed.discard(job.claim)
        self.room.set()
        return await lease.during(self.fetch_file(job, url))

    async def _keep(
        self, claim: Claim, done: wire.Finished, found: Found, results: Results, lease: Lease
    ) -> Job | None:
        begun = time.perf_counter()
        outputs = await results.complete(done)
        if results.job.target is not None:
            outputs = await self._delivered(results.job, outputs, lease)
        completion = Completion(
            outputs=outputs,
            skipped=[
                SkippedOutput(each.step, Failure(each.code, each.message, each.step)) for each in done.skipped
            ],
            source_format=done.source.format,
            source_width=done.source.width,
            source_height=done.source.height,
            keys={step: key for step, key in found.keys.items() if step in results.ready},
            spent=done.seconds,
            manifest=await self._manifest(done.seconds),
        )
        ended = await self.store.finish(claim, completion)
        self.observe("storing", time.perf_counter() - begun)
        for phase, seconds in done.seconds.items():
            self.observe(phase, seconds)
        return ended

    async def _failed(self, claim: Claim, failure: Failure) -> Job | None:
        manifest = await self._manifest({})
        return await self.store.finish(claim, Completion(failure=failure, manifest=manifest))

    async def _manifest(self, seconds: Mapping[str, float]) -> Mapping[str, Any] | None:
        return await self.provenance.of(seconds) if self.provenance else None

    def _key(self, job: Job, step: Step) -> str:
        name: str = step.operation.produces
        if name == "image":
            # Under ``auto`` nobody knows yet: the key's extension is for those who look at the disk alone.
            wanted, source = step.encoding.format, job.source.format
            name = wanted if wanted != "same" or source not in BY_NAME else same_as(source)
        return output_key(job.tenant, job.id, job.attempt, step.id, extension(name))


class _Missing(Exception):
    """What the job needs is not there; says what."""
