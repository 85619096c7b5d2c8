"""Many pictures in one call: what a batch is, and what becomes of each of its lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pixelflow.domain.job import Job, Remote, Source, new_id

MAX_SOURCES = 10_000
"""Lines of one batch."""
MAX_IN_FLIGHT = 1000
"""Jobs of one batch that may wait and run at once."""
DEFAULT_IN_FLIGHT = 100
COMPLETED = "batch.completed"
"""The event of a batch's end."""


class BatchState(StrEnum):
    """Where a batch is in its life."""

    RUNNING = "running"
    """Jobs are made of its lines; ended by the last job's end, ``pause`` or ``cancel``."""
    PAUSED = "paused"
    """No further jobs are made, those there are go on; ended by ``resume``, ``cancel`` or the last end."""
    CANCELLED = "cancelled"
    """No further jobs are made, those there are are cancelled; ``retry`` has it run again."""
    COMPLETED = "completed"
    """Every line has ended, well or not; ``retry`` has it run again."""


class ItemState(StrEnum):
    """What became of one line."""

    PENDING = "pending"
    """No job has been made of it; in a cancelled batch it counts as cancelled."""
    SUBMITTED = "submitted"
    """Its job waits or runs."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Its job was cancelled, or deleted before its end."""
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    """It could not be taken when the batch was made."""


UNSUCCESSFUL = (ItemState.CANCELLED, ItemState.FAILED, ItemState.QUARANTINED, ItemState.REFUSED)


@dataclass(frozen=True, slots=True)
class Item:
    """One line: ``number`` as its source counts them, ``metadata`` goes over the batch's own; ``code`` and
    ``error`` of one that did not go well."""

    number: int
    remote: Remote | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    state: ItemState = ItemState.PENDING
    code: str | None = None
    error: str | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """``draft`` is a job as each line's will be; times in Unix seconds.

    ``unfinished`` counts the lines that have not ended, ``in_flight`` those of them that have a job.
    """

    tenant: str
    id: str
    draft: Job
    total: int
    refused: int
    unfinished: int
    max_in_flight: int
    created_at: float
    state: BatchState = BatchState.RUNNING
    in_flight: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    quarantined: int = 0
    finished_at: float | None = None

    @property
    def accepted(self) -> int:
        """Lines of which there are jobs, or will be."""
        return self.total - self.refused

    @property
    def progress(self) -> int:
        """How many of them have ended, in percent."""
        return 100 * (self.accepted - self.unfinished) // self.accepted if self.accepted else 100

    def shown(self, state: ItemState) -> ItemState:
        """What a line's state is for a caller: one without a job is cancelled with its batch."""
        left = self.state is BatchState.CANCELLED and state is ItemState.PENDING
        return ItemState.CANCELLED if left else state

    def job(self, item: Item, now: float) -> Job:
        """A new job for a line; what is said in seconds from its creation counts from ``now``."""
        draft = self.draft
        later = None if draft.expires_at is None else now + draft.expires_at - draft.created_at
        return replace(
            draft,
            id=new_id(),
            source=Source("url"),
            outputs=(),
            skipped=(),
            remote=item.remote,
            metadata={**draft.metadata, **item.metadata},
            batch_id=self.id,
            expires_at=later,
        )


def batch_view(batch: Batch) -> dict[str, Any]:
    """A batch as the API and its messages show it."""
    return {
        "id": batch.id,
        "status": batch.state.value,
        "template": batch.draft.template,
        "pipeline": batch.draft.pipeline,
        "total": batch.total,
        "accepted": batch.accepted,
        "refused": batch.refused,
        "counts": {
            "pending": batch.unfinished - batch.in_flight,
            "in_flight": batch.in_flight,
            "completed": batch.completed,
            "failed": batch.failed,
            "cancelled": batch.cancelled,
            "quarantined": batch.quarantined,
        },
        "progress": batch.progress,
        "max_in_flight": batch.max_in_flight,
        "created_at": _moment(batch.created_at),
        "finished_at": None if batch.finished_at is None else _moment(batch.finished_at),
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
