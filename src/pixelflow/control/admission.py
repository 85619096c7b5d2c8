"""Whether there is room for more work, and when there will be."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

from pixelflow.control.line import Line
from pixelflow.domain.errors import Busy
from pixelflow.domain.job import JobState
from pixelflow.ports.storage import Storage
from pixelflow.ports.store import Depth, JobStore

FRESH_SECONDS = 1.0
"""How old the counts may be; each look at them costs a query."""
MIN_RETRY_SECONDS, MAX_RETRY_SECONDS = 1, 60
UNKNOWN_RETRY_SECONDS = 5
"""Where nothing was measured that would tell."""
DISK_RETRY_SECONDS = 30
MAX_REMEMBERED = 10_000
"""Tenants whose last refusal is kept for as long as it is fresh."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Caps on what waits in the whole server; ``None`` is none."""

    max_queue_depth: int = 1_000_000
    max_queue_cpu_seconds: float | None = None
    max_queue_age_seconds: float | None = None
    min_free_bytes: int = 0


@dataclass(slots=True)
class Admission:
    """Refuses submissions while the server has no room, and tells when it will by the measured rate."""

    store: JobStore
    storage: Storage
    line: Line
    clock: Callable[[], float]
    limits: ServerLimits
    _looked_at: float = field(default=float("-inf"), init=False)
    _refusal: Busy | None = field(default=None, init=False)
    _room: int = field(default=0, init=False)
    """What may come before the next look: a second's worth could go over the limit otherwise."""
    _refused: dict[str, tuple[float, Busy]] = field(default_factory=dict, init=False)

    async def check(self, tenant: str | None = None) -> None:
        """Raises Busy with the setting's name and the seconds after which to try again; for a ``tenant`` also
        what it was just refused for, before another picture is stored in vain."""
        now = self.clock()
        spent = self._room <= 0 and self._refusal is None
        if spent or not 0 <= now - self._looked_at < FRESH_SECONDS:
            self._looked_at = now
            self._refusal = await self._look()
        if self._refusal:
            raise self._refusal
        self._room -= 1
        if tenant in self._refused:
            at, refusal = self._refused[tenant]
            if 0 <= now - at < FRESH_SECONDS:
                raise refusal
            del self._refused[tenant]

    async def refused(self, tenant: str, error: Busy) -> Busy:
        """The store's refusal of a tenant's job, with the seconds after which to try again."""
        if "quota" not in error.extra:
            return error
        extra = dict(error.extra)
        if "retry_after" not in extra:
            over = extra["value"] + extra["asked"] - extra["limit"]
            jobs, seconds = (over, 0.0) if extra["quota"] == "max_queued_jobs" else (0.0, over)
            extra["retry_after"] = _bounded(await self.line.seconds_until_room(tenant, jobs, seconds))
        told = Busy(error.detail, code=error.code, **extra)
        if extra["value"] < extra["limit"]:
            return told  # a smaller job would fit
        if len(self._refused) >= MAX_REMEMBERED:
            self._refused.clear()
        self._refused[tenant] = (self.clock(), told)
        return told

    def forget(self, tenant: str) -> None:
        """It may have room since this moment."""
        self._refused.pop(tenant, None)

    async def _look(self) -> Busy | None:
        limits, free = self.limits, await self.storage.free_bytes()
        if free is not None and free < limits.min_free_bytes:
            detail = f"{free} bytes are free on the disk; MIN_FREE_BYTES keeps {limits.min_free_bytes}"
            return Busy(detail, code="disk_full", retry_after=DISK_RETRY_SECONDS)
        depth = await self.store.depth()
        queued = depth.by_state.get(JobState.QUEUED, 0)
        self._room = limits.max_queue_depth - queued
        if queued >= limits.max_queue_depth:
            wait = self.line.seconds_to_drain(queued - limits.max_queue_depth + 1)
            detail = f"{queued} jobs are queued; MAX_QUEUE_DEPTH allows {limits.max_queue_depth}"
            return Busy(detail, code="queue_full", retry_after=_bounded(wait))
        longest = limits.max_queue_age_seconds
        if longest is not None and (refusal := self._too_old(depth, queued, longest)):
            return refusal
        if limits.max_queue_cpu_seconds is not None and queued:
            return await self._too_dear(limits.max_queue_cpu_seconds)
        return None

    def _too_old(self, depth: Depth, queued: int, limit: float) -> Busy | None:
        age = depth.oldest_queued_seconds
        if age <= limit:
            return None
        # As if jobs had come evenly: the oldest gets younger by as much as the queue empties faster than it
        # filled.
        wait = self.line.seconds_to_drain(queued)
        if wait and age > wait:
            wait = min(wait, (age - limit) / (age / wait - 1))
        detail = f"the oldest job has waited {age:.0f} s; MAX_QUEUE_AGE_SECONDS allows {limit:g}"
        return Busy(detail, code="queue_old", retry_after=_bounded(wait))

    async def _too_dear(self, limit: float) -> Busy | None:
        seconds = await self.line.queued_cpu_seconds()
        if seconds < limit:
            return None
        wait = self.line.seconds_to_drain(0, seconds - limit)
        detail = f"{seconds:.0f} predicted CPU seconds are queued; MAX_QUEUE_CPU_SECONDS allows {limit:g}"
        return Busy(detail, code="queue_full", retry_after=_bounded(wait))


def _bounded(seconds: float | None) -> int:
    if seconds is None:
        return UNKNOWN_RETRY_SECONDS
    return min(MAX_RETRY_SECONDS, max(MIN_RETRY_SECONDS, ceil(seconds)))
