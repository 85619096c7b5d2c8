"""Which backend an address names."""

from collections.abc import Mapping
from typing import TypeVar

from pixelflow.domain.errors import StartupError

Opener = TypeVar("Opener")


def opener(setting: str, address: str, openers: Mapping[str, Opener]) -> Opener:
    """The one of the address's scheme; raises StartupError, which names the ``setting`` and all schemes."""
    scheme, named, _ = address.partition("://")
    found = openers.get(scheme.lower()) if named else None
    if found is None:
        known = ", ".join(f"{scheme}://" for scheme in openers)
        raise StartupError(f"{setting}={address!r} names no backend that is installed; there is {known}")
    return found
