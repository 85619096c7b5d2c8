"""What is no longer kept goes: the row first, then the files, so that no row names a file that is gone."""

from collections.abc import Sequence
from dataclasses import dataclass

from pixelflow.domain.job import Job
from pixelflow.ports.book import Book
from pixelflow.ports.storage import Storage


@dataclass(frozen=True)
class Sweeper:
    """Removes expired jobs, and files that no row names; ``batch`` at a time."""

    store: Book
    storage: Storage
    orphan_seconds: float
    audit_seconds: float | None = None
    """How long lines of the audit log are kept, without end if not given."""
    webhook_seconds: float | None = None
    """How long ended deliveries of webhooks are kept, likewise."""
    batch: int = 500

    async def sweep_jobs(self) -> int:
        """Jobs past their ``expires_at`` go."""
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

    async def sweep_audit(self) -> int:
        """Lines of the audit log go once they are old enough."""
        return (
            0 if self.audit_seconds is None else await self.store.audit.forget(self.audit_seconds, self.batch)
        )

    async def sweep_webhooks(self) -> int:
        """Deliveries that ended long ago go."""
        seconds = self.webhook_seconds
        return 0 if seconds is None else await self.store.webhooks.forget(seconds, self.batch)

    async def _drop(self, keys: Sequence[str]) -> int:
        known = await self.store.known_keys(keys)
        orphans = [key for key in keys if key not in known]
        await self.storage.delete(orphans)
        return len(orphans)


def keys_of(job: Job) -> list[str]:
    """Every storage key that a job's row names."""
    return [key for key in (job.source.key, *(output.key for output in job.outputs)) if key]
