"""The event hub by address."""

from collections.abc import Callable, Mapping

from pixelflow.adapters.addresses import opener
from pixelflow.ports.events import EventHub


def _memory(_: str) -> EventHub:
    from pixelflow.adapters.events.memory import MemoryHub

    return MemoryHub()


ADDRESSES: Mapping[str, Callable[[str], EventHub]] = {"memory": _memory}


def open_hub(address: str) -> EventHub:
    """The event hub that an address names; raises StartupError for one that cannot be."""
    return opener("EVENTS", address, ADDRESSES)(address)
