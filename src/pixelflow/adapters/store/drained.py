"""How fast jobs end while others wait: what tells how long those will have to."""

from collections import deque
from dataclasses import dataclass

from pixelflow.domain.tenant import Drain

WINDOW_SECONDS = 60.0
BUCKET_SECONDS = 1.0
LEAST_BUSY_SECONDS = 0.2
"""Less than this says nothing."""


@dataclass(slots=True)
class _Bucket:
    begun_at: float
    busy_seconds: float = 0.0
    jobs: int = 0
    cpu_seconds: float = 0.0


class Drained:
    """Counts over the last minute; only the time in which something was queued."""

    def __init__(self) -> None:
        self._buckets: deque[_Bucket] = deque()
        self._at: float | None = None
        self._waiting = False

    def note(self, now: float, jobs: int, cpu_seconds: float, *, waiting: bool) -> None:
        """So many jobs ended with this commit, after which there are ``waiting`` ones or not."""
        bucket = self._reach(now)
        if self._waiting:
            bucket.jobs += jobs
            bucket.cpu_seconds += cpu_seconds
        self._waiting = waiting

    def drain(self, now: float) -> Drain:
        """As it is now: a queue that stands still drains slower and slower."""
        self._reach(now)
        busy = sum(bucket.busy_seconds for bucket in self._buckets)
        if busy < LEAST_BUSY_SECONDS:
            return Drain()
        jobs = sum(bucket.jobs for bucket in self._buckets)
        return Drain(jobs / busy, sum(bucket.cpu_seconds for bucket in self._buckets) / busy)

    def _reach(self, now: float) -> _Bucket:
        since = now if self._at is None else self._at
        self._at = now
        if not self._buckets or not 0 <= now - self._buckets[-1].begun_at < BUCKET_SECONDS:
            self._buckets.append(_Bucket(now))
        bucket = self._buckets[-1]
        if self._waiting:
            bucket.busy_seconds += min(max(0.0, now - since), WINDOW_SECONDS)
        while abs(now - self._buckets[0].begun_at) > WINDOW_SECONDS:
            self._buckets.popleft()
        return bucket
