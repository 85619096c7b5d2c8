"""Claims jobs, has them done, and finishes them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from pixelflow.domain.breaker import Circuits
from pixelflow.domain.errors import PixelFlowError
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import Job, JobState
from pixelflow.ports.events import EventHub
from pixelflow.ports.queue import Queue
from pixelflow.ports.store import JobStore
from pixelflow.worker.attempts import Attempts
from pixelflow.worker.lease import Lease, Leases
from pixelflow.worker.pool import Pool

log = structlog.get_logger()

MAX_TRANSFERRING = 1024
"""Jobs held at once that wait for other machines or for a turn to call them; they take no decoder's place."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a worker spends its time, in seconds."""

    lease_seconds: float = 30.0
    heartbeat_seconds: float = 3.0
    idle_seconds: float = 5.0
    """Longest wait for a ring before the store is asked anyway."""
    fault_seconds: float = 1.0
    """Pause after a claim that could not be written."""


@dataclass(frozen=True)
class Worker:
    """One owner of claims with its pool of decoders; ``run`` until cancelled, then ``drain``."""

    owner: str
    store: JobStore
    queue: Queue
    hub: EventHub
    pool: Pool
    attempts: Attempts
    circuits: Circuits
    """While one is open, no job is claimed."""
    room: asyncio.Event
    """Set when a slot comes free."""
    pace: Pace = Pace()
    observe: Callable[[str, float], None] = lambda phase, seconds: None
    """Told how long each job waited, as the phase ``waiting``, in seconds."""
    ended: Callable[[str, str], None] = lambda state, code: None
    """Told the state and the failure's code of each job that ends here."""
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
            if rings:
                with suppress(OSError):  # it rings again then, and there is nothing to claim
                    await self.queue.acknowledge(rings)
                rings = 0
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
        results = self.attempts.results(job, lease)
        try:
            ended = await self.attempts.run(job, lease, results)
        except (OSError, PixelFlowError) as error:
            ended = await self.attempts.setbacks.broken(job, claim, lease, error)
        else:
            if ended is not None:
                self.circuits.storage.succeeded()
            else:
                self.circuits.storage.unused(self.circuits.clock())
        finally:
            self.leases.by_claim.pop(claim, None)
            self.room.set()
        if results.ready and (ended is None or ended.state is not JobState.COMPLETED):
            with suppress(OSError, PixelFlowError):  # the sweep finds what stays
                if ended is None:
                    await self.store.release([claim])  # no row may name files that go
                await results.withdraw()
        if ended is None:
            words.info("write refused", reason="the claim is no longer held")
            return
        self.hub.publish(Event.of(ended), ended)
        code = ended.error.code if ended.error else ""
        if ended.terminal:
            self.ended(ended.state, code)
        words.info("job " + ended.state, error=code)
