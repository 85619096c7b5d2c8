"""What happens to a job, in order."""

from dataclasses import dataclass
from enum import StrEnum

from pixelflow.domain.job import TERMINAL, Job, JobState


class EventKind(StrEnum):
    """The words of server-sent events and, later, webhooks; one for each state that a job can enter, and
    progress."""

    AWAITING_UPLOAD = "job.awaiting_upload"
    QUEUED = "job.queued"
    PROCESSING = "job.processing"
    COMPLETED = "job.completed"
    FAILED = "job.failed"
    CANCELLED = "job.cancelled"
    QUARANTINED = "job.quarantined"
    DELETED = "job.deleted"
    PROGRESS = "job.progress"
    """Live only: never stored, so it has no sequence number."""

    @staticmethod
    def entered(state: JobState) -> "EventKind":
        """The event of entering that state."""
        return EventKind(f"job.{state}")

    @property
    def terminal(self) -> bool:
        """Whether the job has ended."""
        return self is EventKind.DELETED or self.value.removeprefix("job.") in TERMINAL


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a tenant's stream; ``sequence`` rises within the store, 0 for live-only events; ``at``
    in Unix seconds."""

    tenant: str
    job_id: str
    kind: EventKind
    at: float
    sequence: int = 0
    attempt: int = 0
    progress: int = 0

    @staticmethod
    def of(job: Job) -> "Event":
        """The event of the state that the job has just entered, as the store wrote it with that change."""
        kind = EventKind.entered(job.state)
        return Event(job.tenant, job.id, kind, job.updated_at, job.sequence, job.attempt, job.progress)
