"""The audit log: who deleted, held, promoted or changed what; it is only ever added to."""

from typing import Protocol

from pixelflow.domain.audit import Entry
from pixelflow.ports.store import Page


class AuditLog(Protocol):
    """Lines are written in the transaction of what they tell of, by the stores of the nouns themselves.

    Raises StoreUnavailable.
    """

    async def page(
        self,
        tenant: str,
        limit: int,
        cursor: str | None = None,
        *,
        action: str | None = None,
        subject: str | None = None,
    ) -> Page[Entry]:
        """Newest first; raises MalformedRequest for a cursor that is not ours."""

    async def forget(self, older_than_seconds: float, limit: int) -> int:
        """Drop up to that many of the oldest lines, of all tenants; answers how many."""
