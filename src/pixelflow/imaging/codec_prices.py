"""What reading a source and writing files cost in CPU time, measured as ``prices`` says."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pixelflow.operations.encoding import Encoding
    from pixelflow.operations.outline import Outline

CMYK = 26.0
"""The tables from CMYK to sRGB, made anew for each picture."""
PROFILE = 2.0
"""The tables from another profile to sRGB, for each picture too."""
CONVERTING = 18.0
"""A megapixel from CMYK or another profile to sRGB."""
TURNING = 4.0
"""A megapixel set upright."""
STARTING = 0.8
"""Each task: its source mapped, its pipeline checked."""


def of_decoding(
    name: str | None, full: float, decoded: float, bands: int, bits_a_pixel: float | None
) -> float:
    """Milliseconds for a source of so many megapixels in all its frames, of which ``decoded`` come out."""
    if name == "jpeg":
        return (
            0.3
            + (0.4 + 1.0 * (1.5 if bits_a_pixel is None else min(bits_a_pixel, 12.0))) * full
            + 1.2 * decoded
        )
    once, each = _DECODING.get(name or "", (1.0, 15.0))
    return once + each * full * bands / 3


_DECODING: Mapping[str, tuple[float, float]] = {
    "png": (0.6, 12.5),
    "webp": (1.2, 21.0),
    "avif": (2.5, 37.0),
    "gif": (0.7, 9.8),
    "heic": (1.5, 45.0),
    "tiff": (0.6, 9.5),
}


def of_encoding(name: str | None, options: Encoding, made: Outline, frame: float) -> float:
    """Milliseconds for one frame of so many megapixels."""
    if frame <= 0:
        return 0.0
    bands = (3 if made.color else 1) + (made.alpha is not False)
    if name is None:
        return sum(_candidate(each, options, made, frame) for each in options.candidates)
    encoder = _ENCODERS.get(name)
    found = encoder(options, frame, bands) if encoder else 50.0 * frame
    return 0.3 + found * (2.0 if made.depth == 16 and name in {"png", "tiff"} else 1.0)


def _candidate(name: str, options: Encoding, made: Outline, frame: float) -> float:
    """A file that is tried and compared, under the effort that ``format: auto`` sets."""
    if name in {"png", "gif"}:
        return 0.0
    effort = {"effort": 3 if frame <= 1 else 2 if frame <= 4 else 1} if name == "avif" else {}
    tried = options.model_copy(update={"format": name, "lossless": False, **effort})
    return of_encoding(name, tried, made, frame) + 60 * frame


def _through(points: Mapping[int, float], at: float) -> float:
    """The value at a place between measured ones."""
    places = sorted(points)
    at = min(max(at, places[0]), places[-1])
    for low, high in pairwise(places):
        if low <= at <= high:
            return points[low] + (points[high] - points[low]) * (at - low) / (high - low)
    return points[places[0]]


def _jpeg(options: Encoding, frame: float, bands: int) -> float:
    each = (
        24.0
        if options.progressive
        else _through({1: 3.0, 50: 4.0, 84: 5.0, 85: 8.3, 100: 14.0}, options.quality or 80)
    )
    return each * frame * (1.0 if bands > 2 else 0.5)


def _png(options: Encoding, frame: float, bands: int) -> float:
    if options.palette or (options.bit_depth or 8) < 8:
        return 930.0 * float(frame**0.62)
    return _through({1: 6.0, 2: 25.0, 7: 48.0, 10: 78.0}, options.effort or 7) * frame * bands / 3


def _webp(options: Encoding, frame: float, bands: int) -> float:
    if options.lossless or options.near_lossless:
        return (1000.0 if options.lossless else 1400.0) * frame
    effort = 4 if options.effort is None else options.effort
    each = _through({0: 32.0, 2: 60.0, 4: 97.0, 6: 270.0}, effort)
    return (each * (0.7 if bands < 3 else 1.0) + (40.0 if bands in {2, 4} else 0.0)) * frame


def _avif(options: Encoding, frame: float, bands: int) -> float:
    effort = 4 if options.effort is None else options.effort
    each = _through(
        {0: 62, 1: 150, 2: 350, 3: 900, 4: 2800, 5: 5200, 6: 8700, 7: 15000, 8: 25000, 9: 40000}, effort
    )
    quality = (
        1.6
        if options.lossless
        else _through({1: 0.4, 30: 0.75, 50: 1.0, 80: 1.6, 100: 2.0}, options.quality or 50)
    )
    return (
        each * quality * float(frame**0.87) * (0.6 if bands < 3 else 1.0) * (1.4 if bands in {2, 4} else 1.0)
    )


def _gif(options: Encoding, frame: float, bands: int) -> float:
    if (options.effort or 7) <= 1:
        return 310.0 * frame
    each = _through({2: 500.0, 7: 1150.0, 10: 1750.0}, options.effort or 7)
    # Grey has no more shades than a GIF has colours.
    return each * float(frame**0.75) * (1.0 if bands > 2 else 0.16)


def _tiff(_: Encoding, frame: float, bands: int) -> float:
    return 56.0 * frame * bands / 3


_ENCODERS: Mapping[str, Callable[[Encoding, float, int], float]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "avif": _avif,
    "gif": _gif,
    "tiff": _tiff,
    "heic": lambda _, frame, bands: 400.0 * frame * bands / 3,
}
