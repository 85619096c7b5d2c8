"""Outlines."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyvips


def dilated(cover: pyvips.Image, radius: int) -> pyvips.Image:
    """A mask of one 8-bit band, each pixel the largest value within ``radius`` pixels; edges stay soft."""
    import numpy as np
    import pyvips

    height, width = cover.height, cover.width
    around = np.zeros((height + 2 * radius, width + 2 * radius), np.uint8)
    around[radius : radius + height, radius : radius + width] = cover.numpy()
    grown = np.zeros((height, width), np.uint8)
    for down in range(-radius, radius + 1):
        reach = int(sqrt((radius + 0.5) ** 2 - down * down))
        rows = around[radius + down : radius + down + height]
        np.maximum(grown, _widest(rows, reach, radius, width), out=grown)
    return pyvips.Image.new_from_array(grown)


def _widest(rows: np.ndarray, reach: int, radius: int, width: int) -> np.ndarray:
    """The largest value within ``reach`` columns, by doubling the span that each column has seen."""
    import numpy as np

    reach = min(reach, radius)
    span, seen, wanted = 1, rows[:, radius - reach :], 2 * reach + 1
    while span * 2 <= wanted:
        seen = np.maximum(seen[:, :-span], seen[:, span:])
        span *= 2
    if wanted > span:
        rest = wanted - span
        seen = np.maximum(seen[:, :-rest], seen[:, rest:])
    return seen[:, :width]
