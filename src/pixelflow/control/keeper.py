"""What has to be done again and again so that nothing is forgotten; each duty may run anywhere, any number
of times."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from pixelflow.domain.errors import PixelFlowError
from pixelflow.domain.event import Event
from pixelflow.domain.job import Job, JobState
from pixelflow.ports.events import EventHub
from pixelflow.ports.queue import Queue
from pixelflow.ports.storage import Storage
from pixelflow.ports.store import JobStore

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing to do, and how often in seconds."""

    name: str
    period_seconds: float
    run: Callable[[], Awaitable[int]]
    """Answers how much it found to do."""


@dataclass(frozen=True)
class Keeper:
    """Rescues, rings again, and sweeps; every duty works in batches of ``batch``."""

    store: JobStore
    storage: Storage
    queue: Queue
    hub: EventHub
    period_seconds: float
    sweep_seconds: float
    orphan_seconds: float
    upload_wait_seconds: float
    batch: int = 500

    @property
    def duties(self) -> Sequence[Duty]:
        """All of them, in the order in which they matter."""
        return (
            Duty("rescue", self.period_seconds, self.rescue),
            Duty("ring", self.period_seconds, self.ring),
            Duty("expire_uploads", self.sweep_seconds, self.expire_uploads),
            Duty("sweep_jobs", self.sweep_seconds, self.sweep_jobs),
            Duty("sweep_files", self.sweep_seconds, self.sweep_files),
        )

    async def run(self) -> None:
        """Every duty at its own pace; never returns."""
        async with asyncio.TaskGroup() as group:
            for duty in self.duties:
                group.create_task(self._keep(duty), name=duty.name)

    async def _keep(self, duty: Duty) -> None:
        while True:
            try:
                if done := await duty.run():
                    log.info("keeper", duty=duty.name, count=done)
            except (OSError, PixelFlowError) as error:
                log.warning("keeper failed", duty=duty.name, error=str(error))
            await asyncio.sleep(duty.period_seconds)

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

    async def sweep_jobs(self) -> int:
        """Jobs past their ``expires_at`` go, the row first, then the files."""
        jobs = await self.store.expired(self.batch)
        for job in jobs:
            if gone := await self.store.delete(job.tenant, job.id):
                await self.storage.delete(keys_of(gone))
        return len(jobs)

    async def sweep_files(self) -> int:
        """Files that no row names go, once they are old enough not to be in the making."""
        swept = 0
        found: list[str] = []
        async for entry in self.storage.list(self.orphan_seconds):
            found.append(entry.key)
            if len(found) >= self.batch:
                swept += await self._drop(found)
                found = []
        return swept + await self._drop(found)

    async def _drop(self, keys: Sequence[str]) -> int:
        known = await self.store.known_keys(keys)
        orphans = [key for key in keys if key not in known]
        await self.storage.delete(orphans)
        return len(orphans)

    def _tell(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self.hub.publish(Event.of(job), job)


def keys_of(job: Job) -> list[str]:
    """Every storage key that a job's row names."""
    return [key for key in (job.source.key, *(output.key for output in job.outputs)) if key]
