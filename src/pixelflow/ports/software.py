"""What outputs were made with, written once for all jobs that were."""

from collections.abc import Mapping
from typing import Any, Protocol


class SoftwareStore(Protocol):
    """Facts of the server's own software by the digest of what decides on pixels; no tenant's, and never
    changed. Raises StoreUnavailable."""

    async def note(self, digest: str, facts: Mapping[str, Any]) -> None:
        """Keep the facts, unless some are kept under this digest."""

    async def facts(self, digest: str) -> Mapping[str, Any] | None: ...
