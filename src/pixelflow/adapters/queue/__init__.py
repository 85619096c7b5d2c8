"""The bell by address."""

from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from pixelflow.domain.errors import StartupError
from pixelflow.ports.queue import Queue


def _memory(address: SplitResult) -> Queue:
    from pixelflow.adapters.queue.memory import MemoryQueue

    return MemoryQueue()


ADDRESSES: Mapping[str, Callable[[SplitResult], Queue]] = {"memory": _memory}


def open_queue(address: str) -> Queue:
    """The queue that an address names; raises StartupError for one that cannot be."""
    parts = urlsplit(address)
    if parts.scheme not in ADDRESSES:
        known = ", ".join(f"{scheme}://" for scheme in ADDRESSES)
        raise StartupError(f"QUEUE {address!r} names no queue that is installed; there is {known}")
    return ADDRESSES[parts.scheme](parts)
