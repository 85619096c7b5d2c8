"""Gaussian blur, exact to the rounding of 8 bits at the speed of libvips' integer path."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, exp, log2, sqrt
from typing import TYPE_CHECKING

from pixelflow.operations.opacity import weighed

if TYPE_CHECKING:
    import pyvips

_LARGEST_WEIGHT = 64
"""libvips' vector path holds weights in so many steps; a mask made for that leaves flat areas as they are."""
_WIDE_TOTAL = 1 << 14
"""Sum of the weights for 16-bit pixels, whose sums must stay below 2^31."""
_REACH = 3.7
"""Half of the mask's width in standard deviations."""
_SHRINK_FROM = {"uchar": 32, "ushort": 16}
_SMALL_SIGMA = 8
"""A blur that wide is done on a picture shrunk until its standard deviation is about this."""


def looks_far(image: pyvips.Image, sigma: float) -> bool:
    """Whether a blur reads all of the picture before its first row is known."""
    return sigma >= _SHRINK_FROM[image.format]


def blurred(frame: pyvips.Image, sigma: float) -> pyvips.Image:
    """One frame blurred, ``sigma`` in pixels; depth and bands stay, transparent pixels lend no colour."""
    return weighed(frame, lambda colors: _blurred(colors, sigma))


def _blurred(image: pyvips.Image, sigma: float) -> pyvips.Image:
    if looks_far(image, sigma):
        return _widely(image, sigma)
    return image.convsep(_mask(sigma, wide=image.format != "uchar"), precision="integer")


def _widely(image: pyvips.Image, sigma: float) -> pyvips.Image:
    factor = int(sigma / _SMALL_SIGMA)
    room = ceil(_REACH * sigma / factor) * factor
    width = ceil(image.width / factor) * factor + 2 * room
    height = ceil(image.height / factor) * factor + 2 * room
    small = image.embed(room, room, width, height, extend="copy").shrink(factor, factor).cast("float")
    # The box that shrinks and the triangle that enlarges blur too; what is left for the Gaussian is the rest.
    left = sqrt(sigma * sigma - (factor * factor - 1) / 12 - factor * factor / 6) / factor
    small = small.copy_memory().convsep(_mask(left, wide=True), precision="float").copy_memory()
    wide = small.resize(factor, kernel="linear").crop(room, room, image.width, image.height)
    return wide.rint().cast(image.format)


@lru_cache(maxsize=64)
def _mask(sigma: float, *, wide: bool) -> pyvips.Image:
    """One line of whole weights whose sum is a power of two."""
    import pyvips

    weights = [
        exp(-distance * distance / (2 * sigma * sigma)) for distance in range(ceil(sigma * _REACH) + 1)
    ]
    norm = weights[0] + 2 * sum(weights[1:])
    total = _WIDE_TOTAL if wide else 1 << int(log2(_LARGEST_WEIGHT * norm / weights[0]))
    exact = [weight * total / norm for weight in weights]
    whole = [int(weight) for weight in exact]
    missing = total - whole[0] - 2 * sum(whole[1:])
    by_loss = sorted(range(1, len(whole)), key=lambda index: whole[index] - exact[index])
    for index in by_loss[: missing // 2]:
        whole[index] += 1
    whole[0] += missing % 2
    while len(whole) > 1 and whole[-1] == 0:
        whole.pop()
    return pyvips.Image.new_from_array([whole[:0:-1] + whole], scale=total)
