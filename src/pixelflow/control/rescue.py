"""Jobs that nobody would bring to their end otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass

from pixelflow.domain.event import Event
from pixelflow.domain.job import Job, JobState
from pixelflow.ports.events import EventHub
from pixelflow.ports.queue import Queue
from pixelflow.ports.store import JobStore


@dataclass(frozen=True)
class Rescuer:
    """Takes back what workers lost, rings again, and ends what was never uploaded; ``batch`` jobs at a
    time."""

    store: JobStore
    queue: Queue
    hub: EventHub
    upload_wait_seconds: float
    batch: int = 500

    async def rescue(self) -> int:
        """Jobs whose worker vanished go back into the queue."""
        jobs = await self.store.rescue(self.batch)
        self._tell(jobs)
        if queued := sum(1 for job in jobs if job.state is JobState.QUEUED):
            await self.queue.ring(queued)
        return len(jobs)

    async def ring(self) -> int:
        """A ring may be lost; queued jobs are announced again."""
        queued = (await self.store.depth()).by_state.get(JobState.QUEUED, 0)
        if queued:
            await self.queue.ring(min(queued, self.batch))
        return 0

    async def expire_uploads(self) -> int:
        """Jobs whose upload never came fail."""
        jobs = await self.store.expire_uploads(self.upload_wait_seconds, self.batch)
        self._tell(jobs)
        return len(jobs)

    def _tell(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self.hub.publish(Event.of(job), job)
