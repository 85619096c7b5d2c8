"""Operations on many jobs, in the book, so that they go on after a restart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pixelflow.domain.bulk import Bulk
from pixelflow.domain.job import Job
from pixelflow.ports.store import IdempotencyKey, JobFilter, Page


@dataclass(frozen=True, slots=True)
class Stepped:
    """An operation after a step, and the jobs that it changed, as they are now, or were when they went;
    ``waits`` when the tenant has no room for more of them at the moment."""

    bulk: Bulk
    jobs: Sequence[Job] = field(default=())
    waits: bool = False


class BulkStore(Protocol):
    """Each method is one atomic, durable transaction."""

    async def create(self, bulk: Bulk, idempotency: IdempotencyKey | None) -> tuple[Bulk, bool]:
        """Insert, or answer with ``True`` what the key made before; raises InvalidRequest (code
        ``idempotency_mismatch``)."""

    async def get(self, tenant: str, bulk_id: str) -> Bulk | None: ...

    async def list(self, tenant: str, limit: int, cursor: str | None) -> Page[Bulk]:
        """Newest first; raises MalformedRequest for a cursor that is not ours."""

    async def forget(self, older_than_seconds: float, limit: int) -> int:
        """Delete up to ``limit`` that were finished that long ago; what they did stays."""

    async def step(self, read: Callable[[Bulk], JobFilter], limit: int) -> Stepped | None:
        """Do it to up to ``limit`` further jobs of the operation that waits longest, with its progress;
        ``None`` when all are finished."""
