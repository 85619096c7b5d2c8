"""What steps cost in CPU time, and how all prices were measured.

In milliseconds of a process' CPU time, measured on two cores of an Intel Xeon with libvips 8.18.7, the better
of two runs each, on a photograph of 12, 3 and 0.12 megapixels in memory: 8-bit RGB, the same with alpha, with
16 bits, and grey. What depends on a parameter goes through its measured values in straight lines. Another
machine is faster or slower by one factor; ``benchmarks/plan.py`` shows how near all this is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pixelflow.operations.outline import Outline


MEGAPIXEL = 1e6


@dataclass(frozen=True, slots=True)
class Price:
    """Milliseconds: once, for each megapixel taken, for each made, and for each taken that has alpha.

    ``deep`` and ``grey`` are by how much more, or less, it is with 16 bits and without colour.
    """

    once: float = 0.3
    taken: float = 0.0
    made: float = 0.0
    alpha: float = 0.0
    deep: float = 1.1
    grey: float = 0.5
    busy: bool = False
    """Whether it is quicker where there is little to see."""

    def milliseconds(self, taken: Outline, made: Outline, pixels: tuple[float, float]) -> float:
        """For a picture and its result, whose megapixels these are, in all frames."""
        by = (self.deep if taken.depth == 16 else 1.0) * (1.0 if taken.color else self.grey)
        alpha = 0.0 if made.alpha is False and taken.alpha is False else self.alpha
        return self.once + by * (self.taken * pixels[0] + self.made * pixels[1]) + alpha * pixels[0]


UNKNOWN = Price(1.0, taken=10.0, alpha=5.0)
"""An operation that nobody measured, as a plug-in's."""
COPY = Price(0.2, taken=1.8)

_Priced = Price | Callable[[Any, float], Price]


def of_operation(operation: Any, megapixels: float) -> Price:
    """What a step costs with these parameters on a frame of this size."""
    known = OPERATIONS.get(operation.action, UNKNOWN)
    return known if isinstance(known, Price) else known(operation, megapixels)


def _resize(operation: Any, megapixels: float) -> Price:
    if getattr(operation, "linear", False):
        return Price(1.0, taken=17.0, made=2.0, alpha=18.0, grey=1.0)
    if getattr(operation, "fit", None) == "contain" and operation.background == "blur":
        return Price(15.0, taken=1.8, made=20.0, alpha=10.0)
    gravity = getattr(operation, "gravity", None)
    if gravity == "face":
        return Price(_looking(megapixels), taken=6.0, made=4.5, alpha=6.0, grey=1.0)
    looks = gravity in ("attention", "entropy")
    return Price(6.0 if looks else 0.6, taken=1.8, made=4.5, alpha=6.0, deep=5.0, grey=1.0)


ENLARGING = Price(0.6, made=25.0, alpha=10.0, deep=1.2)
"""A step that makes a picture larger has more to compute for each pixel."""


def _crop(operation: Any, megapixels: float) -> Price:
    if operation.gravity == "face":
        return Price(_looking(megapixels), taken=5.0, grey=1.0)
    looks = {"attention": Price(5.4, taken=0.8), "entropy": Price(13.0, taken=4.3)}
    found = looks.get(operation.gravity) if isinstance(operation.gravity, str) else None
    return found or Price(0.15, made=0.9)


def _rotate(operation: Any, _: float) -> Price:
    if operation.angle % 90 == 0:
        return Price(0.3, taken=3.0)
    return Price(1.2, made=15.0, alpha=22.0, deep=1.2, grey=0.7)


def _extend(operation: Any, _: float) -> Price:
    if operation.mode == "blur":
        return Price(1.0, made=16.0, alpha=10.0)
    return Price(0.7, made=1.8 if operation.mode == "background" else 2.8)


def _blur(operation: Any, _: float) -> Price:
    sigma = operation.sigma
    plain = 4 + 1.05 * sigma if sigma < 32 else 16.0
    deep = 12 + 16 * sigma if sigma < 16 else 50.0
    return Price(1.5, taken=plain, alpha=12.0, deep=deep / plain)


def _convolve(operation: Any, _: float) -> Price:
    weights = sum(weight != 0 for row in operation.kernel for weight in row)
    return Price(1.3, taken=2 + 2 * weights, alpha=20.0, grey=0.35)


def _adjust(operation: Any, _: float) -> Price:
    lit = (operation.brightness, operation.saturation, operation.hue % 360, operation.lightness) != (
        1,
        1,
        0,
        0,
    )
    return Price(1.2, taken=44.0 * lit + 4.0 * (operation.contrast != 1) + 1.0, alpha=5.0, grey=0.9)


def _clahe(operation: Any, _: float) -> Price:
    high = operation.height if isinstance(operation.height, int) else 300
    return Price(3.0, taken=175 + 3.6 * high, alpha=10.0, grey=0.95)


def _watermark(operation: Any, _: float) -> Price:
    if operation.tile != "none":
        return Price(4.0, taken=11.0, alpha=3.0)
    share = operation.scale**2 if operation.width is None and operation.height is None else 0.05
    turned = 2.0 if operation.rotate % 360 else 1.0
    mixed = 4.0 if operation.blend != "over" else 0.0
    return Price(3.0, taken=2.0 + mixed + 40 * min(0.75, share) * turned, alpha=2.0, grey=1.1)


def _text(operation: Any, _: float) -> Price:
    if operation.tile != "none":
        return Price(4.0, taken=12.0, alpha=2.0, grey=1.3)
    fitted = operation.width is not None
    return Price(
        8.0 if fitted else 3.0 + 0.8 * operation.stroke, taken=5.0 if fitted else 1.8, alpha=1.0, grey=1.3
    )


def _looking(megapixels: float) -> float:
    """For faces once over a frame, which is made small for it."""
    return min(135.0, 200.0 * megapixels)


def _redact(operation: Any, megapixels: float) -> Price:
    if not operation.faces:
        return Price(2.0, taken=4.0, alpha=4.0)
    closely = min(1400.0, 330.0 * megapixels) if megapixels > 0.7 else 0.0
    looking = (_looking(megapixels) + closely) / max(megapixels, 0.001)
    return Price(2.0, taken=8.0 + looking, alpha=4.0, deep=1.0, grey=1.0)


def _palette(_: Any, megapixels: float) -> Price:
    return Price(1.0 + 20 * min(1.0, megapixels / 0.016), taken=0.9, alpha=2.0, busy=True)


def _tiles(operation: Any, _: float) -> Price:
    encoding = {"jpeg": 5.0, "webp": 97.0, "png": 48.0}[operation.format]
    return Price(8.0, taken=8.0 + 1.4 * encoding, alpha=5.0, grey=0.6)


def _responsive(operation: Any, megapixels: float) -> Price:
    """All files of all widths, as wide as a picture of 3:2 allows."""
    across = (1.5 * megapixels * MEGAPIXEL) ** 0.5
    sides = {min(across, width * dpr) for width in operation.widths for dpr in operation.dprs}
    area = sum(side * side / 1.5 for side in sides) / MEGAPIXEL
    each = {"avif": 500.0, "webp": 97.0, "jpeg": 5.0, "png": 48.0, "gif": 1150.0}
    return Price(
        5.0 + area * sum(each.get(name, 60.0) for name in operation.formats or ("avif", "webp", "jpeg")),
        taken=3.0,
    )


OPERATIONS: Mapping[str, _Priced] = {
    "resize": _resize,
    "thumbnail": _resize,
    "zoom": _resize,
    "crop": _crop,
    "trim": Price(2.5, taken=8.0, alpha=3.5),
    "rotate": _rotate,
    "flip": Price(0.3, taken=2.7),
    "auto_orient": Price(0.0),
    "background": Price(0.1, alpha=5.0),
    "pad": _extend,
    "extend": _extend,
    "border": Price(0.5, made=1.7),
    "round_corners": Price(7.0, taken=5.0, deep=2.0, grey=0.9),
    "blur": _blur,
    "sharpen": lambda operation, _: Price(2.0, taken=54 + 5.3 * operation.sigma, alpha=5.0, grey=0.95),
    "unsharp": lambda operation, _: Price(2.7, taken=8.5 + operation.sigma, alpha=13.0, deep=3.9, grey=0.3),
    "pixelate": Price(1.0, taken=3.0, alpha=4.5, deep=1.5, grey=0.4),
    "median": lambda operation, _: Price(
        1.5, taken=150 + 2.9 * max(0, operation.size - 9), alpha=40.0, grey=0.4, busy=True
    ),
    "convolve": _convolve,
    "grayscale": Price(0.5, taken=4.8, alpha=12.0, grey=0.0),
    "sepia": Price(0.8, taken=11.0, alpha=5.0, grey=1.0),
    "invert": Price(0.4, taken=1.6, alpha=4.5),
    "adjust": _adjust,
    "tint": Price(2.0, taken=31.0, alpha=4.5, grey=1.0),
    "duotone": lambda operation, _: Price(
        1.2, taken=7.5 if operation.amount == 1 else 11, alpha=7.0, grey=1.0
    ),
    "gamma": Price(0.9, taken=2.8, alpha=5.0, deep=1.8),
    "threshold": Price(0.8, taken=5.4, alpha=15.0, deep=1.5, grey=0.3),
    "normalize": Price(5.0, taken=50.0, alpha=35.0, grey=0.95),
    "equalize": Price(1.5, taken=4.2, alpha=48.0, deep=2.0, grey=0.4),
    "clahe": _clahe,
    "noise": Price(1.6, taken=52.0, alpha=7.0, grey=0.9),
    "vignette": Price(2.5, taken=12.0, alpha=6.0, grey=0.4),
    "gradient": Price(4.0, taken=22.0, alpha=2.0, grey=0.4),
    "watermark": _watermark,
    "composite": lambda operation, _: Price(2.5 * len(operation.layers), taken=4.0 * len(operation.layers)),
    "redact": _redact,
    "text": _text,
    "frames": COPY,
    "metadata": COPY,
    "icc": COPY,
    "info": Price(6.3, taken=6.0, alpha=17.0),
    "blurhash": Price(0.9, taken=0.7, alpha=4.0, grey=1.5),
    "thumbhash": Price(2.0, taken=0.7, alpha=4.0, grey=1.5),
    "palette": _palette,
    "contact_sheet": Price(5.0, taken=3.0, made=6.0, alpha=6.0, deep=3.0),
    "animate": Price(1.0, taken=2.0, made=4.5, alpha=6.0, deep=3.0),
    "tiles": _tiles,
    "responsive_set": _responsive,
    "phash": Price(0.5, taken=7.0, alpha=6.0, grey=1.1),
}
