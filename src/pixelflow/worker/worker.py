"""Claims jobs, has them done, and finishes them."""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from pixelflow.domain.backoff import Backoff
from pixelflow.domain.breaker import Circuits
from pixelflow.domain.errors import Busy, PixelFlowError, TransferFailed
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import Claim, Completion, Failure, Job, JobState, Output, SkippedOutput, Source
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
from pixelflow.worker.lease import ClaimLost, Lease, Leases
from pixelflow.worker.pool import Pool
from pixelflow.worker.provenance import Provenance
from pixelflow.worker.results import Results
from pixelflow.worker.running import Died, Running, Stopped
from pixelflow.worker.setbacks import Setbacks

log = structlog.get_logger()

MAX_TRANSFERRING = 1024
"""Jobs held at once that wait for other machines or for a turn to call them; they take no decoder's place."""

NO_WORK: Mapping[str, float] = {}
"""The CPU time of an attempt that ended before a decoder had it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a worker spends its time, in seconds."""

    lease_seconds: float = 30.0
    heartbeat_seconds: float = 3.0
    idle_seconds: float = 5.0
    """Longest wait for a ring before the store is asked anyway."""
    announce_after_seconds: float = 0.3
    """How long a job runs before its outputs are told of as they come."""
    fault_seconds: float = 1.0
    """Pause after a claim, or the end of an attempt, could not be written."""


@dataclass(frozen=True)
class Worker:
    """One owner of claims with its pool of decoders; ``run`` until cancelled, then ``drain``."""

    owner: str
    store: JobStore
    storage: Storage
    queue: Queue
    hub: EventHub
    pool: Pool
    limits: ImageLimits
    pace: Pace = Pace()
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
    observe: Callable[[str, float], None] = lambda phase, seconds: None
    """Told each phase's name (waiting, decode, an operation, encode, storing) and its seconds."""
    ended: Callable[[str, str], None] = lambda state, code: None
    """Told the state and the failure's code of each job that ends here."""
    backoff: Backoff = field(default_factory=Backoff)
    """When a job is tried again whose attempt was ended by a service."""
    circuits: Circuits = field(default_factory=lambda: Circuits(time.monotonic))
    """While one is open, no job is claimed."""
    expect: Callable[[float | None], None] = lambda at: None
    """Told when a job may be claimed again, in Unix seconds."""
    room: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the pool when a slot comes free."""
    leases: Leases = field(default_factory=Leases)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def run(self) -> None:
        """Claim for every free place, then wait for a ring or a free place; never returns."""
        with self.hub.watch(self._heard):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._renew(), name="heartbeat")
                group.create_task(self._claim(), name="claim")

    async def drain(self, seconds: float) -> None:
        """Let running jobs end for that long, then give the others back without penalty."""
        if self.tasks:
            async with asyncio.TaskGroup() as group:
                heartbeat = group.create_task(self._renew())
                await asyncio.wait(self.tasks, timeout=seconds)
                heartbeat.cancel()
        left = list(self.leases.by_claim)
        for lease in self.leases.by_claim.values():
            lease.stop()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if left:
            await self.store.release(left)
            log.info("jobs given back", jobs=len(left))

    def _heard(self, event: Event, job: Job) -> None:
        """What is cancelled or deleted in this process ends here at once, elsewhere at the next heartbeat."""
        if event.kind in {EventKind.CANCELLED, EventKind.DELETED}:
            for claim, lease in self.leases.by_claim.items():
                if claim.job_id == job.id and claim.tenant == job.tenant:
                    lease.stop()

    async def _claim(self) -> None:
        rings = 0
        circuits = self.circuits
        while True:
            self.room.clear()
            places = min(self.pool.room - self.leases.preparing, MAX_TRANSFERRING - self.leases.transferring)
            if places <= 0:
                await self.room.wait()
                continue
            if not circuits.allow():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.room.wait(), max(circuits.seconds(), 0.001))
                continue
            try:
                asked = 1 if circuits.trying else places
                jobs = await self.store.claim(self.owner, self.pace.lease_seconds, asked)
                circuits.store.succeeded()
                if not jobs:
                    circuits.storage.unused(circuits.clock())
                if rings:
                    await self.queue.acknowledge(rings)
                    rings = 0
            except (OSError, PixelFlowError) as error:
                log.warning("claim failed", error=str(error))
                circuits.store.failed(circuits.clock(), error)
                await asyncio.sleep(self.pace.fault_seconds)
                continue
            for job in jobs:
                self.hub.publish(Event.of(job), job)
                lease = self.leases.by_claim[job.claim] = Lease()
                task = asyncio.create_task(self._work(job, lease), name=f"job {job.id}")
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            if len(jobs) < asked:
                rings = await self.queue.wait(self.pace.idle_seconds)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.pace.heartbeat_seconds)
            held = self.leases.percents
            try:
                renewed = await self.store.renew(held, self.pace.lease_seconds) if held else ()
            except (OSError, PixelFlowError) as error:
                log.warning("renewal failed", jobs=len(held), error=str(error))
                continue
            for claim in held.keys() - set(renewed):
                if lease := self.leases.by_claim.get(claim):
                    log.info("claim lost", job=claim.job_id, attempt=claim.attempt)
                    lease.stop()

    async def _work(self, job: Job, lease: Lease) -> None:
        claim = job.claim
        words = log.bind(job=job.id, attempt=job.attempt, tenant=job.tenant)
        if job.queued_at is not None and job.started_at is not None:
            self.observe("waiting", job.started_at - job.queued_at)
        results = self._results(job, lease)
        try:
            ended = await self._attempt(job, claim, lease, results)
        except (OSError, PixelFlowError) as error:
            ended = await self._setbacks.broken(job, claim, lease, error)
        else:
            if ended is not None:
                self.circuits.storage.succeeded()
            else:
                self.circuits.storage.unused(self.circuits.clock())
            if ended is None and results.ready:
                await self._released(claim)  # no row may name files that go
        finally:
            self.leases.by_claim.pop(claim, None)
            self.room.set()
        if results.ready and (ended is None or ended.state is not JobState.COMPLETED):
            with suppress(OSError):  # the sweep finds what stays
                await results.withdraw()
        if ended is None:
            words.info("write refused", reason="the claim is no longer held")
            return
        self.hub.publish(Event.of(ended), ended)
        code = ended.error.code if ended.error else ""
        if ended.terminal:
            self.ended(ended.state, code)
        words.info("job " + ended.state, error=code)

    def _results(self, job: Job, lease: Lease) -> Results:
        announce_at = asyncio.get_running_loop().time() + self.pace.announce_after_seconds
        return Results(job, self.store, self.storage, self.hub, announce_at, lease.stop)

    @property
    def _setbacks(self) -> Setbacks:
        return Setbacks(
            self.store,
            self.storage,
            self.pool,
            self.limits,
            self.circuits,
            self.backoff,
            self.pace.fault_seconds,
            self.expect,
        )

    async def _released(self, claim: Claim) -> Job | None:
        released = await self.store.release([claim])
        return released[0] if released else None

    async def _attempt(self, job: Job, claim: Claim, lease: Lease, results: Results) -> Job | None:
        try:
            if job.remote is not None and job.source.key is None:
                results.job = await self._fetched(job, lease)
            return await self._made(results.job, claim, lease, results)
        except TransferFailed as error:
            failure = Failure(error.code, error.detail, error.step)
            spent = NO_WORK if results.job.source.key is None else None
            return await self.store.finish(claim, Completion(failure=failure, spent=spent))
        except ClaimLost:
            return None

    async def _fetched(self, job: Job, lease: Lease) -> Job:
        """The job with its source; raises ClaimLost."""
        if self.fetch is None:
            raise TransferFailed("source_refused", "this server fetches no pictures")
        begun = time.perf_counter()
        self.room.set()
        source = await lease.during(self.fetch(job))
        noted = None
        try:
            noted = await self.store.fetched(job.claim, source)
        except Busy as error:
            raise TransferFailed("source_quota", error.detail) from error
        finally:
            if noted is None and source.key is not None:
                await self.storage.delete([source.key])
        if noted is None:
            raise ClaimLost
        self.observe("fetching", time.perf_counter() - begun)
        await lease.during(self._place())
        return noted

    async def _delivered(self, job: Job, outputs: Sequence[Output], lease: Lease) -> Sequence[Output]:
        """The outputs, sent; raises ClaimLost."""
        if self.deliver is None:
            raise TransferFailed("delivery_refused", "this server sends no outputs")
        begun = time.perf_counter()
        sent = await lease.during(self.deliver(job, outputs))
        self.observe("delivering", time.perf_counter() - begun)
        return sent

    async def _place(self) -> None:
        """Wait until a decoder has room: others were claimed meanwhile."""
        while self.pool.room <= 0:
            self.room.clear()
            await self.room.wait()

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
                ended = await self._setbacks.crashed(job, claim, outcome)
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
        files = []
        for name in ("", *sorted(pipeline.needs)):
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
            await lease.during(self._place())
        return files

    async def _referred(self, job: Job, url: str, lease: Lease) -> int:
        if self.fetch_file is None:
            raise TransferFailed("reference_refused", "this server fetches no pictures")
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
