"""How alike two pictures look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from pixelflow.operations.frames import first_frame

if TYPE_CHECKING:
    import pyvips

    Luma = np.ndarray[Any, np.dtype[np.uint8]]

WINDOW = 7
"""Side in pixels of the squares that are compared; not a codec's 8, so as to meet its blocks everywhere."""
_BAND = 64
"""Rows of windows that are looked at together, which bounds the memory."""
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_BEHIND = 128
"""Grey that transparency lies on: what is hidden does not count."""
_SPACES = {1: "b-w", 3: "srgb"}


def luma(image: pyvips.Image) -> Luma:
    """Rec. 601 luma of the first frame in 8 bits, height × width; raises pyvips.Error."""
    image = first_frame(image)
    if image.interpretation in {"rgb16", "grey16", "cmyk"} or image.format != "uchar":
        image = image.colourspace("b-w" if image.bands < 3 else "srgb")
    if image.hasalpha():
        image = image.flatten(background=[_BEHIND] * (image.bands - 1)).cast("uchar")
    size = image.width, image.height
    mode = "L" if image.bands == 1 else "RGB"
    pixels = Image.frombuffer(mode, size, image.write_to_memory(), "raw", mode, 0, 1)
    return np.asarray(pixels.convert("L"))


def ssim(one: Luma, other: Luma) -> float:
    """Mean structural similarity (Wang et al., 2004), 1.0 for equal pictures; both of one shape.

    Windows are square, of even weight and with the sample's variance, as scikit-image has them by default,
    side by side instead of around every pixel, which a mean of thousands does not show.
    """
    height, width = one.shape
    side = min(WINDOW, height, width)
    down = height - height % side
    total, count = 0.0, 0
    for top in range(0, down, _BAND * side):
        rows = slice(top, min(down, top + _BAND * side))
        found = _windows(one[rows], other[rows], side)
        total += float(found.sum())
        count += found.size
    return total / count


def _windows(one: Luma, other: Luma, side: int) -> Any:
    x, y = one.astype(np.uint32), other.astype(np.uint32)
    number = side * side
    mean_x, mean_y, xx, yy, xy = (_sums(each, side) / number for each in (x, y, x * x, y * y, x * y))
    sample = number / max(1, number - 1)
    spread = sample * (xx + yy - mean_x * mean_x - mean_y * mean_y)
    together = sample * (xy - mean_x * mean_y)
    return (
        (2 * mean_x * mean_y + _C1)
        * (2 * together + _C2)
        / ((mean_x * mean_x + mean_y * mean_y + _C1) * (spread + _C2))
    )


def _sums(values: Any, side: int) -> Any:
    """Of each window; slices are added up, several times faster than summing over two short axes."""
    width = values.shape[1] - values.shape[1] % side
    rows = sum(values[at::side] for at in range(side))
    return sum(rows[:, at:width:side] for at in range(side))
