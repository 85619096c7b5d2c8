"""The bell by address."""

from collections.abc import Callable, Mapping

from pixelflow.adapters.addresses import opener
from pixelflow.ports.queue import Queue


def _memory(_: str) -> Queue:
    from pixelflow.adapters.queue.memory import MemoryQueue

    return MemoryQueue()


ADDRESSES: Mapping[str, Callable[[str], Queue]] = {"memory": _memory}


def open_queue(address: str) -> Queue:
    """The queue that an address names; raises StartupError for one that cannot be."""
    return opener("QUEUE", address, ADDRESSES)(address)
