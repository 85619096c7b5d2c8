"""Where a job stands among all that wait, and how long that will take."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pixelflow.domain.job import Job, JobState
from pixelflow.domain.tenant import Drain, Lane
from pixelflow.ports.store import JobStore
from pixelflow.ports.tenants import Tenants

FRESH_SECONDS = 1.0
"""How old may be what is told; each look costs queries."""
MAX_COUNTED = 10_000
"""Jobs of a lane that are counted one by one; behind them a place is told from the job's age."""
MAX_KEPT = 4_096
"""Places that are kept for as long as they are fresh."""


@dataclass(frozen=True, slots=True)
class Place:
    """``position`` 1 is claimed next; ``eta_seconds`` until the job has about ended, ``None`` where nothing
    was measured yet."""

    position: int
    eta_seconds: float | None


@dataclass(frozen=True, slots=True)
class _Queue:
    """The lanes at one moment, and how many jobs run."""

    lanes: tuple[Lane, ...] = ()
    running: int = 0

    def lane(self, priority: int, tenant: str) -> Lane | None:
        return next((each for each in self.lanes if (each.priority, each.tenant) == (priority, tenant)), None)

    def ahead(self, priority: int, tenant: str, before: int) -> tuple[float, float]:
        """Jobs that are claimed before the one that has ``before`` others in front of it in its lane, and
        their predicted CPU seconds: all of higher priorities, and of the same as many of each tenant as its
        weight gives it meanwhile."""
        own = self.lane(priority, tenant)
        weight = own.weight if own else 1.0
        jobs = float(before)
        seconds = before * own.cpu_seconds if own else 0.0
        for lane in self.lanes:
            if lane.priority < priority or lane is own:
                continue
            taken = float(lane.jobs)
            if lane.priority == priority:
                taken = min(taken, (before + 0.5) * lane.weight / weight)
            jobs += taken
            seconds += taken * lane.cpu_seconds
        return jobs, seconds


@dataclass
class Line:
    """Places and waiting times from the lanes and the rate at which jobs end."""

    store: JobStore
    tenants: Tenants
    clock: Callable[[], float] = time.time
    _queue: _Queue = field(default_factory=_Queue, init=False)
    _looked_at: float = field(default=float("-inf"), init=False)
    _places: dict[str, tuple[float, Place]] = field(default_factory=dict, init=False)

    async def place(self, job: Job) -> Place | None:
        """Of a job that waits to be claimed; not of one that waits for a time of its own."""
        if job.state is not JobState.QUEUED or job.not_before is not None:
            return None
        now = self.clock()
        kept = self._places.get(job.id)
        if kept is not None and 0 <= now - kept[0] < FRESH_SECONDS:
            return kept[1]
        await self._look()
        before = await self.tenants.older(job, MAX_COUNTED)
        if before >= MAX_COUNTED:
            before = self._guessed(job)
        jobs, seconds = self._queue.ahead(job.priority, job.tenant, before)
        wait = self._seconds(jobs + self._queue.running + 1, seconds + self._mine(job))
        place = Place(1 + int(jobs), None if wait is None else round(wait, 1))
        if len(self._places) >= MAX_KEPT:
            self._places.clear()
        self._places[job.id] = (now, place)
        return place

    async def seconds_until_room(self, tenant: str, jobs: float, cpu_seconds: float = 0.0) -> float | None:
        """Until so many jobs of a tenant, or so many predicted seconds, have left its part of the queue."""
        await self._look()
        lanes = sorted((lane for lane in self._queue.lanes if lane.tenant == tenant), key=_first)
        for lane in lanes:
            wanted = max(jobs, cpu_seconds / lane.cpu_seconds if lane.cpu_seconds else 0.0)
            if wanted <= lane.jobs or lane is lanes[-1]:
                ahead = self._queue.ahead(lane.priority, tenant, max(0, round(wanted) - 1))
                return self._seconds(ahead[0] + 1, ahead[1] + lane.cpu_seconds)
            jobs, cpu_seconds = jobs - lane.jobs, cpu_seconds - lane.jobs * lane.cpu_seconds
        return None

    def seconds_to_drain(self, jobs: float, cpu_seconds: float = 0.0) -> float | None:
        """Until that much has left the whole queue, one or the other."""
        drain = self.tenants.drain()
        waits = [
            amount / rate if rate else None
            for amount, rate in (
                (jobs, drain.jobs_per_second),
                (cpu_seconds, drain.cpu_seconds_per_second),
            )
            if amount > 0
        ]
        known = [wait for wait in waits if wait is not None]
        return max(known) if known and len(known) == len(waits) else None

    async def queued_cpu_seconds(self) -> float:
        """Predicted for all that can be claimed."""
        await self._look()
        return sum(lane.jobs * lane.cpu_seconds for lane in self._queue.lanes)

    def _mine(self, job: Job) -> float:
        mean = sum(lane.cpu_seconds for lane in self._queue.lanes) / max(1, len(self._queue.lanes))
        return (job.cost or 0.0) + self._queue.running * mean

    def _seconds(self, jobs: float, cpu_seconds: float) -> float | None:
        """By predicted CPU time where that is known of all, otherwise by number."""
        drain: Drain = self.tenants.drain()
        if drain.cpu_seconds_per_second and all(lane.cpu_seconds for lane in self._queue.lanes):
            return cpu_seconds / drain.cpu_seconds_per_second
        return jobs / drain.jobs_per_second if drain.jobs_per_second else None

    def _guessed(self, job: Job) -> int:
        """As if the lane's jobs had come evenly."""
        own = self._queue.lane(job.priority, job.tenant)
        if own is None or job.queued_at is None:
            return MAX_COUNTED
        share = (job.queued_at - own.oldest) / max(1e-3, self.clock() - own.oldest)
        return max(MAX_COUNTED, min(own.jobs - 1, round(own.jobs * share)))

    async def _look(self) -> None:
        now = self.clock()
        if 0 <= now - self._looked_at < FRESH_SECONDS:
            return
        self._looked_at = now
        lanes = tuple(await self.tenants.lanes())
        running = (await self.store.depth()).by_state.get(JobState.PROCESSING, 0)
        self._queue = _Queue(lanes, running)


def _first(lane: Lane) -> int:
    return -lane.priority
