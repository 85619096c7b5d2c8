"""What is no longer kept goes: the row first, then the files, so that no row names a file that is gone."""

from collections.abc import Sequence
from dataclasses import dataclass

from pixelflow.domain.event import Event
from pixelflow.ports.book import Book
from pixelflow.ports.events import EventHub
from pixelflow.ports.storage import Storage
from pixelflow.ports.store import Swept


@dataclass(frozen=True)
class Sweeper:
    """Removes expired jobs, and files that no row names; ``batch`` at a time."""

    store: Book
    storage: Storage
    hub: EventHub
    orphan_seconds: float
    audit_seconds: float | None = None
    """How long lines of the audit log are kept, without end if not given."""
    webhook_seconds: float | None = None
    """How long ended deliveries of webhooks are kept, likewise."""
    batch: int = 50
    """Jobs in one write, during which the store does nothing else."""
    files: int = 500
    """Files whose rows are looked for at once."""

    async def sweep_jobs(self) -> int:
        """Sources, outputs and records that are kept no longer go."""
        return len(await self.take())

    async def take(self) -> Sequence[Swept]:
        """One batch of it; raises OSError when the rows are changed and their files are still there, which
        are orphans then."""
        swept = await self.store.sweep(self.batch)
        for each in swept:
            if each.deleted:
                self.hub.publish(Event.deleted(each.job), each.job)
        await self.storage.delete([key for each in swept for key in each.keys])
        return swept

    async def sweep_files(self) -> int:
        """Files that no row names go, once they are old enough not to be in the making."""
        swept = 0
        found: list[str] = []
        async for entry in self.storage.list(self.orphan_seconds):
            found.append(entry.key)
            if len(found) >= self.files:
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
