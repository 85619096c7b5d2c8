"""Batches in the book."""

from collections.abc import Callable, Sequence
from typing import Protocol

from pixelflow.domain.audit import KEEPER
from pixelflow.domain.batch import Batch, Item, ItemState
from pixelflow.domain.event import Event
from pixelflow.domain.job import Job
from pixelflow.ports.store import IdempotencyKey, Page


class BatchStore(Protocol):
    """Batches and their lines; every write is one atomic, durable transaction.

    What becomes of a line is counted in the transaction of its job's own end, and the last one's ends the
    batch, with its event and messages, once. What is not there is ``None``; raises StateConflict where the
    batch's state does not allow it.
    """

    async def add(
        self, batch: Batch, items: Sequence[Item], idempotency: IdempotencyKey | None = None
    ) -> Batch:
        """The batch with all its lines, or none of it; or the one that the key made."""

    async def get(self, tenant: str, batch_id: str) -> Batch | None: ...

    async def list(self, tenant: str, limit: int, cursor: str | None) -> Page[Batch]:
        """Newest first; raises MalformedRequest for a cursor that is not ours."""

    async def items(
        self, tenant: str, batch_id: str, states: Sequence[ItemState], after: int, limit: int
    ) -> Sequence[Item]:
        """Lines in any of these states with a number above ``after``, in order."""

    async def pause(self, tenant: str, batch_id: str) -> Batch | None:
        """running → paused."""

    async def resume(self, tenant: str, batch_id: str) -> Batch | None:
        """paused → running."""

    async def cancel(self, tenant: str, batch_id: str, actor: str = KEEPER) -> Batch | None:
        """running or paused → cancelled, with all lines without a job; ``stopping`` tells of the others."""

    async def retry(
        self, tenant: str, batch_id: str, idempotency: IdempotencyKey | None = None
    ) -> Batch | None:
        """Lines that failed, are in quarantine or were cancelled are pending again; the batch runs again.
        StateConflict while a cancelled one has jobs that stop; raises InvalidRequest (code
        ``idempotency_mismatch``)."""

    async def delete(self, tenant: str, batch_id: str, actor: str = KEEPER) -> bool:
        """A batch that has ended goes with its lines; its jobs stay. ``actor`` goes into the audit log."""

    async def forget(self, older_than_seconds: float, limit: int) -> int:
        """Delete up to ``limit`` batches that ended that long ago."""

    async def feed(self, limit: int) -> Sequence[Job] | None:
        """Make up to ``limit`` queued jobs of the batch that waited longest for it and has room, as far as
        its tenant's limits allow; ``None`` where no batch has room."""

    async def stopping(self, limit: int) -> Sequence[Job]:
        """Jobs of cancelled batches that have not ended."""

    async def ended(self, limit: int) -> Sequence[tuple[Event, Job]]:
        """Events of batches that have ended and that were not answered here before, each with its draft."""

    def on_news(self, ring: Callable[[], None]) -> None:
        """Have ``ring`` called in the event loop after a commit that gave ``feed``, ``stopping`` or ``ended``
        something to do."""
