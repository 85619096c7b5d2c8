"""The separable blend modes of W3C Compositing and Blending Level 1, section 9.1.

libvips has modes of these names too, which weigh premultiplied colours: that is right only where both
pictures are opaque.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pyvips

    Array = np.ndarray[Any, np.dtype[Any]]

_AT_ONCE = 2**17
"""Values that are mixed at once: what is between stays in the processor's cache."""


def blended(below: pyvips.Image, above: pyvips.Image, mode: str) -> pyvips.Image:
    """``B(Cb, Cs)`` of two pictures of one size, depth and number of bands, without alpha; in memory."""
    import numpy as np
    import pyvips

    width, height, bands = below.width, below.height, below.bands
    ground, colors = (image.numpy().reshape(height, width, bands) for image in (below, above))
    made = np.empty_like(ground)
    rows = max(1, _AT_ONCE // (width * bands))
    for top in range(0, height, rows):
        part = slice(top, top + rows)
        if below.format == "ushort":
            mixed = FORMULAS[mode](ground[part] / np.float32(65535), colors[part] / np.float32(65535))
            made[part] = np.rint(mixed * 65535)
        else:
            pairs = ground[part].astype(np.uint16) << 8 | colors[part]
            np.take(_table(mode), pairs, out=made[part], mode="clip")  # quicker than by index
    return pyvips.Image.new_from_array(made).copy(interpretation=below.interpretation)


@cache
def _table(mode: str) -> Array:
    """The result for each pair of bytes, below · 256 + above."""
    import numpy as np

    byte = np.arange(256) / 255
    mixed = FORMULAS[mode](np.repeat(byte, 256), np.tile(byte, 256))
    table: Array = np.rint(mixed * 255).astype(np.uint8)
    return table


def _screen(below: Array, above: Array) -> Array:
    made: Array = below + above - below * above
    return made


def _hard_light(below: Array, above: Array) -> Array:
    import numpy as np

    made: Array = np.where(above <= 0.5, below * 2 * above, _screen(below, 2 * above - 1))
    return made


def _soft_light(below: Array, above: Array) -> Array:
    import numpy as np

    curve = np.where(below <= 0.25, ((16 * below - 12) * below + 4) * below, np.sqrt(below))
    dark = below - (1 - 2 * above) * below * (1 - below)
    made: Array = np.where(above <= 0.5, dark, below + (2 * above - 1) * (curve - below))
    return made


def _color_dodge(below: Array, above: Array) -> Array:
    import numpy as np

    light = np.divide(below, 1 - above, out=np.ones_like(below), where=above < 1)
    made: Array = np.where(below == 0, 0, np.minimum(1, light))
    return made


def _color_burn(below: Array, above: Array) -> Array:
    return 1 - _color_dodge(1 - below, 1 - above)


def _darken(below: Array, above: Array) -> Array:
    import numpy as np

    made: Array = np.minimum(below, above)
    return made


def _lighten(below: Array, above: Array) -> Array:
    import numpy as np

    made: Array = np.maximum(below, above)
    return made


FORMULAS: dict[str, Callable[[Array, Array], Array]] = {
    "multiply": lambda below, above: below * above,
    "screen": _screen,
    "overlay": lambda below, above: _hard_light(above, below),
    "darken": _darken,
    "lighten": _lighten,
    "color_dodge": _color_dodge,
    "color_burn": _color_burn,
    "hard_light": _hard_light,
    "soft_light": _soft_light,
    "difference": lambda below, above: abs(below - above),
    "exclusion": lambda below, above: below + above - 2 * below * above,
}
"""Of the backdrop's and the layer's colours, 0–1."""
