"""What a source says of itself, for the operations that ask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pixelflow.imaging import srgb, wire
from pixelflow.operations.profiles import PROFILE

if TYPE_CHECKING:
    import pyvips

    from pixelflow.imaging.source import Source


class SourceFacts(Mapping[str, Any]):
    """Read from the header when first asked for, so that a pipeline that does not ask pays nothing.

    ``width`` and ``height`` (pixels of one upright frame), ``format``, ``frames``, ``pages``, ``bytes``,
    ``orientation`` (EXIF, 1–8), ``depth`` (bits a channel), ``channels``, ``alpha``, ``space``, ``density``
    (pixels an inch), ``icc`` (the profile's name), ``delays`` (milliseconds), ``loop``, ``exif`` (its tags by
    name); ``None`` where there is nothing.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._known: dict[str, Any] = {
            "width": source.width,
            "height": source.height,
            "format": source.format,
            "frames": source.frames,
            "pages": source.pages,
            "bytes": len(source.data),
            "orientation": source.orientation,
        }

    def __getitem__(self, key: str) -> Any:
        if key not in self._known:
            head = self._source.header()
            self._known |= {name: read(head) for name, read in _READERS.items()}
        return self._known[key]

    def __iter__(self) -> Iterator[str]:
        return iter((*_IMMEDIATE, *_READERS))

    def __len__(self) -> int:
        return len(_IMMEDIATE) + len(_READERS)


def probed(source: Source) -> wire.Facts:
    """All that can be said without decoding a pixel."""
    # Nothing is computed: libvips only says what would come of it.
    found = source.header()
    made = srgb.convert(found)
    header = wire.Header(
        len(source.data),
        source.frames,
        alpha=bool(made.hasalpha()),
        color=made.bands > 2,
        depth=16 if made.format == "ushort" else 8,
        converted=made is not found,
        cmyk=found.interpretation == "cmyk",
        turned=source.orientation != 1 and source.frames == 1,
        sideways=source.turned and source.frames == 1,
    )
    return wire.Facts(source.format, source.width, source.height, header)


def _exif(head: pyvips.Image) -> dict[str, str]:
    return {
        field.split("-", 2)[2]: _value(str(head.get(field))).strip()[:200]
        for field in head.get_fields()
        if field.startswith("exif-ifd")
    }


def _value(shown: str) -> str:
    """A tag's own value; libvips shows it as ``1/50 (1/50 sec., Rational, 1 components, 8 bytes)``."""
    twice = _KIND.sub("", shown)
    half = len(twice) // 2 - 1
    # A text comes as ``text (text``, and may have brackets of its own.
    return twice[:half] if twice[:half] == twice[half + 2 :] else twice.partition(" (")[0]


def _profile_name(head: pyvips.Image) -> str | None:
    return srgb.name(head.get(PROFILE)) if head.get_typeof(PROFILE) else None


def _depth(head: pyvips.Image) -> int:
    if head.get_typeof("bits-per-sample"):
        return int(head.get("bits-per-sample"))
    return {"uchar": 8, "char": 8, "ushort": 16, "short": 16}.get(head.format, 32)


def _optional(field: str) -> Callable[[pyvips.Image], Any]:
    return lambda head: head.get(field) if head.get_typeof(field) else None


_KIND = re.compile(r", [A-Z][A-Za-z ]*, \d+ components, \d+ bytes\)$")
_IMMEDIATE = ("width", "height", "format", "frames", "pages", "bytes", "orientation")
_READERS: Mapping[str, Callable[[pyvips.Image], Any]] = {
    "depth": _depth,
    "channels": lambda head: head.bands,
    "alpha": lambda head: bool(head.hasalpha()),
    "space": lambda head: str(head.interpretation),
    "density": lambda head: round(head.xres * 25.4, 1),
    "icc": _profile_name,
    "delays": _optional("delay"),
    "loop": _optional("loop"),
    "exif": _exif,
}
