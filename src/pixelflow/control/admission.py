"""Whether there is room for more work."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pixelflow.domain.errors import Busy
from pixelflow.domain.job import JobState
from pixelflow.ports.storage import Storage
from pixelflow.ports.store import JobStore

FRESH_SECONDS = 1.0
"""How old the counts may be; each look at them costs a query."""
RETRY_SECONDS = 5


@dataclass(slots=True)
class Admission:
    """Refuses submissions over ``max_queue_depth`` queued jobs or below ``min_free_bytes`` of free disk."""

    store: JobStore
    storage: Storage
    clock: Callable[[], float]
    max_queue_depth: int
    min_free_bytes: int
    _looked_at: float = field(default=float("-inf"), init=False)
    _refusal: str | None = field(default=None, init=False)
    _code: str = field(default="", init=False)

    async def check(self) -> None:
        """Raises Busy with the setting's name and the seconds after which to try again."""
        now = self.clock()
        if not 0 <= now - self._looked_at < FRESH_SECONDS:
            self._looked_at = now
            await self._look()
        if self._refusal:
            raise Busy(self._refusal, code=self._code, retry_after=RETRY_SECONDS)

    async def _look(self) -> None:
        free = await self.storage.free_bytes()
        queued = (await self.store.depth()).by_state.get(JobState.QUEUED, 0)
        self._refusal = None
        if free is not None and free < self.min_free_bytes:
            self._code = "disk_full"
            self._refusal = f"{free} bytes are free on the disk; MIN_FREE_BYTES keeps {self.min_free_bytes}"
        elif queued >= self.max_queue_depth:
            self._code = "queue_full"
            self._refusal = f"{queued} jobs are queued; MAX_QUEUE_DEPTH allows {self.max_queue_depth}"
