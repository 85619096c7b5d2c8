"""What the keeper does for batches."""

from dataclasses import dataclass

from pixelflow.control.jobs import Jobs
from pixelflow.domain.batch import MAX_IN_FLIGHT
from pixelflow.domain.errors import Busy, StateConflict, UnknownId
from pixelflow.domain.event import Event
from pixelflow.ports.batches import BatchStore

GROUP = 25
"""Jobs made in one transaction: more would hold up everybody else's."""
ROUNDS = 80
"""Groups in one run of the duty."""
FORGOTTEN = 10
"""Batches that go in one transaction, each with up to ten thousand lines."""
MAX_VAIN = 5
"""Batches in turn whose tenants have no room."""
TOLD = 1000
"""Ends of batches told in one run."""


@dataclass(frozen=True, slots=True)
class Feeder:
    """Makes jobs of lines; any number of them may run, since each group is made in one transaction."""

    store: BatchStore
    jobs: Jobs
    record_seconds: float | None = None
    """How long a batch is kept after its end; ``None`` for ever."""

    async def feed(self) -> int:
        """The duty: jobs for batches that have room, no more jobs of cancelled ones, and the news
        of those that have ended."""
        done = 0
        for job in await self.store.stopping(MAX_IN_FLIGHT):
            try:
                await self.jobs.cancel(job.tenant, job.id)
            except (StateConflict, UnknownId):
                continue  # it has just ended by itself
            done += 1
        done += await self._feed()
        for event, draft in await self.store.ended(TOLD):
            self.jobs.hub.publish(event, draft)
        return done

    async def forget(self) -> int:
        """Batches that ended long ago go, as the records of jobs do."""
        seconds = self.record_seconds
        return 0 if seconds is None else await self.store.forget(seconds, FORGOTTEN)

    async def _feed(self) -> int:
        made = vain = 0
        for _ in range(ROUNDS):
            try:
                await self.jobs.admission.check()
            except Busy:
                break  # the server has no room: the next period tries again
            jobs = await self.store.feed(GROUP)
            vain = 0 if jobs else vain + 1
            if jobs is None or vain > MAX_VAIN:
                break
            made += len(jobs)
            for job in jobs:
                self.jobs.hub.publish(Event.of(job), job)
                self.jobs.expect(job.not_before)
            await self.jobs.ring(len(jobs))
        return made
