"""Job stores by address."""

from collections.abc import Callable
from pathlib import Path

from pixelflow.domain.errors import StartupError
from pixelflow.ports.store import JobStore


async def open_store(address: str, clock: Callable[[], float]) -> JobStore:
    """Open ``sqlite:///relative.db`` or ``sqlite:////absolute.db``; raises StartupError for others."""
    scheme, separator, rest = address.partition("://")
    if scheme == "sqlite" and separator and rest.startswith("/") and len(rest) > 1:
        from pixelflow.adapters.store.sqlite import open_sqlite

        return await open_sqlite(Path(rest[1:]), clock)
    raise StartupError(
        f"STORE={address!r} names no job store of this installation; there is sqlite:///path "
        "(sqlite:////path for an absolute one)"
    )
