"""The event hub by address."""

from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from pixelflow.domain.errors import StartupError
from pixelflow.ports.events import EventHub


def _memory(address: SplitResult) -> EventHub:
    from pixelflow.adapters.events.memory import MemoryHub

    return MemoryHub()


ADDRESSES: Mapping[str, Callable[[SplitResult], EventHub]] = {"memory": _memory}


def open_hub(address: str) -> EventHub:
    """The event hub that an address names; raises StartupError for one that cannot be."""
    parts = urlsplit(address)
    if parts.scheme not in ADDRESSES:
        known = ", ".join(f"{scheme}://" for scheme in ADDRESSES)
        raise StartupError(f"EVENTS {address!r} names no event hub that is installed; there is {known}")
    return ADDRESSES[parts.scheme](parts)
