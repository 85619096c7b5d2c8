"""What happens to a job, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pixelflow.domain.job import TERMINAL, Job, JobState, Output


class EventKind(StrEnum):
    """The words of server-sent events and, later, webhooks; one for each state that a job can enter, for
    an output that is there before the job's end, and progress."""

    AWAITING_UPLOAD = "job.awaiting_upload"
    QUEUED = "job.queued"
    PROCESSING = "job.processing"
    COMPLETED = "job.completed"
    FAILED = "job.failed"
    CANCELLED = "job.cancelled"
    QUARANTINED = "job.quarantined"
    DELETED = "job.deleted"
    OUTPUT_READY = "output.ready"
    BATCH_COMPLETED = "batch.completed"
    """All lines of a batch have ended: ``job_id`` is the batch's id, ``output`` the batch in JSON."""
    PROGRESS = "job.progress"
    """Live only: never stored, so it has no sequence number."""

    @staticmethod
    def entered(state: JobState) -> "EventKind":
        """The event of entering that state."""
        return _ENTERED[state]

    @property
    def terminal(self) -> bool:
        """Whether the job has ended."""
        return self is EventKind.DELETED or self.value.removeprefix("job.") in TERMINAL


_ENTERED = {state: EventKind(f"job.{state}") for state in JobState}


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a tenant's stream; ``sequence`` rises within the store, 0 for live-only events; ``at``
    in Unix seconds; ``output`` is the step of OUTPUT_READY."""

    tenant: str
    job_id: str
    kind: EventKind
    at: float
    sequence: int = 0
    attempt: int = 0
    progress: int = 0
    output: str | None = None

    @staticmethod
    def of(job: Job) -> "Event":
        """The event of the state that the job has just entered, as the store wrote it with that change."""
        kind = EventKind.entered(job.state)
        return Event(job.tenant, job.id, kind, job.updated_at, job.sequence, job.attempt, job.progress)

    @staticmethod
    def deleted(job: Job) -> "Event":
        """The event of the job's deletion, as the store wrote it."""
        kind = EventKind.DELETED
        return Event(job.tenant, job.id, kind, job.updated_at, job.sequence, job.attempt, job.progress)

    @staticmethod
    def ready(job: Job, outputs: Sequence[Output]) -> "Sequence[Event]":
        """The events of outputs that have just been noted, as the store wrote them: the job's last ones."""
        first = job.sequence - len(outputs) + 1
        kind, at = EventKind.OUTPUT_READY, job.updated_at
        return [
            Event(job.tenant, job.id, kind, at, first + index, job.attempt, job.progress, output.id)
            for index, output in enumerate(outputs)
        ]
