"""Job stores by address."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from pixelflow.adapters.addresses import opener
from pixelflow.domain.errors import StartupError
from pixelflow.domain.tenant import UNLIMITED, TenantLimits
from pixelflow.ports.book import Book

Clock = Callable[[], float]


async def _sqlite(address: str, clock: Clock, limits: TenantLimits) -> Book:
    from pixelflow.adapters.store.sqlite import open_sqlite

    rest = address.partition("://")[2]
    if not rest.startswith("/") or len(rest) == 1:
        raise StartupError(
            f"STORE={address!r} names no file; it is sqlite:///path, or sqlite:////path if absolute"
        )
    return await open_sqlite(Path(rest[1:]), clock, limits)


ADDRESSES: Mapping[str, Callable[[str, Clock, TenantLimits], Awaitable[Book]]] = {"sqlite": _sqlite}


async def open_store(address: str, clock: Clock, limits: TenantLimits = UNLIMITED) -> Book:
    """Open ``sqlite:///relative.db`` or ``sqlite:////absolute.db``; raises StartupError for others.

    ``limits`` are those of every tenant that has none of its own.
    """
    return await opener("STORE", address, ADDRESSES)(address, clock, limits)
