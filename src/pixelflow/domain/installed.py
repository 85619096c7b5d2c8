"""What this installation reads and writes: the one place where that is decided.

Packages are looked up, not imported: the API's process never loads a codec.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.util import find_spec

from pixelflow.domain.media import BY_NAME, EXTRAS, FORMATS, SETTINGS, Format

PACKAGE = "pixelflow-server"


@cache
def formats(*allowed: str) -> tuple[Format, ...]:
    """All known formats with ``reads`` and ``writes`` as they are here.

    ``allowed`` are the formats that a setting has switched on, of those in ``media.SETTINGS``.
    """
    return tuple(_here(known, allowed) for known in FORMATS)


def readable(*allowed: str) -> frozenset[str]:
    """Names of the formats that are read here; ``allowed`` as in ``formats``."""
    return frozenset(known.name for known in formats(*allowed) if known.reads)


def writable() -> tuple[str, ...]:
    """Names of the formats that are written here."""
    return tuple(known.name for known in formats() if known.writes)


def has(extra: str) -> bool:
    """Whether the packages of an extra are there."""
    return find_spec(EXTRAS[extra]) is not None


def remedy(name: str) -> Mapping[str, str]:
    """What to do for a format that is not read or written here: ``extra`` and ``install``, or ``setting``.

    Empty where nothing helps.
    """
    known = BY_NAME.get(name)
    if known is not None and known.extra and not has(known.extra):
        return {"extra": known.extra, "install": f"pip install '{PACKAGE}[{known.extra}]'"}
    return {"setting": SETTINGS[name]} if name in SETTINGS else {}


def advice(name: str) -> str:
    """The same as the end of a sentence that begins with what the file is."""
    found = remedy(name)
    if "extra" in found:
        return f"the extra '{found['extra']}' is not installed: {found['install']}"
    return f"it is switched off: set {found['setting']}=true" if found else "there is no decoder for it"


def _here(known: Format, allowed: Sequence[str]) -> Format:
    there = known.extra is None or has(known.extra)
    on = known.name not in SETTINGS or known.name in allowed
    return replace(known, reads=known.reads and there and on, writes=known.writes and there)
