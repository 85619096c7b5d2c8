"""One picture over another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pixelflow.operations.blending import FORMULAS, blended
from pixelflow.operations.frames import each_frame, frame_size
from pixelflow.operations.gravity import PLACES, offset
from pixelflow.operations.lengths import distance
from pixelflow.operations.spellings import spelled
from pixelflow.operations.surface import ceiling, has_color

if TYPE_CHECKING:
    import pyvips

MAX_LAYER_PIXELS = 64_000_000
"""A layer with more is refused before memory is taken for it."""
Tile = Literal["none", "grid", "chess"]
Blend = Annotated[
    Literal[
        "over",
        "atop",
        "xor",
        "add",
        "multiply",
        "screen",
        "overlay",
        "darken",
        "lighten",
        "color_dodge",
        "color_burn",
        "hard_light",
        "soft_light",
        "difference",
        "exclusion",
    ],
    spelled(over="normal", color_dodge="colour_dodge", color_burn="colour_burn"),
]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a layer lies and how it mixes; lengths are pixels or percentages of the picture's side."""

    gravity: str
    x: int | str = 0
    y: int | str = 0
    margin: int | str = 0
    tile: Tile = "none"
    spacing: int | str = 0
    opacity: float = 1.0
    blend: Blend = "over"

    def corner(self, picture: tuple[int, int], layer: tuple[int, int]) -> tuple[int, int]:
        """Left and top of a layer of this size: x, y and margin lead from the gravity's edges inward."""
        left, top = offset(picture[0] - layer[0], picture[1] - layer[1], self.gravity)
        across, down = PLACES[self.gravity]
        left += _inward(across, distance(self.x, picture[0]), distance(self.margin, picture[0]))
        top += _inward(down, distance(self.y, picture[1]), distance(self.margin, picture[1]))
        return left, top


def laid_over(image: pyvips.Image, layer: pyvips.Image, placement: Placement) -> pyvips.Image:
    """The layer, sRGB or grey with alpha, on every frame; what sticks out is cut off."""
    picture = frame_size(image)
    left, top = placement.corner(picture, (layer.width, layer.height))
    if placement.tile != "none":
        spacing = distance(placement.spacing, picture[0]), distance(placement.spacing, picture[1])
        layer = _pattern(layer, placement.tile, spacing, (left, top), picture)
        left = top = 0
    right, bottom = min(left + layer.width, picture[0]), min(top + layer.height, picture[1])
    x, y = max(left, 0), max(top, 0)
    if right <= x or bottom <= y or placement.opacity == 0:
        return image
    part = _faded(layer.crop(x - left, y - top, right - x, bottom - y), placement.opacity)
    if placement.blend in FORMULAS:
        # They are read here and where the result is: what led to them is not to be done twice.
        image, part = image.copy_memory(), part.copy_memory()
    if has_color(part) and not has_color(image):
        image = image.colourspace("rgb16" if image.format == "ushort" else "srgb")
    if placement.blend == "xor" and not image.hasalpha():
        image = image.addalpha()

    def over(frame: pyvips.Image) -> pyvips.Image:
        below = frame.crop(x, y, part.width, part.height)
        return frame.insert(_mixed(below, part, placement.blend), x, y)

    return each_frame(image, over)


def _mixed(below: pyvips.Image, part: pyvips.Image, blend: Blend) -> pyvips.Image:
    """A part with alpha on as large a piece of a frame; depth and bands are the frame's.

    Source: Compositing and Blending Level 1, sections 9 and 10.
    """
    last = part.bands - 1
    colors, alpha = _as_deep(part[:last], below), part[last]
    if has_color(below) and not has_color(colors):
        colors = colors.bandjoin([colors, colors])
    ground = below[: colors.bands] if below.hasalpha() else below
    if blend in FORMULAS:
        mixed = blended(ground, colors, blend)
        if below.hasalpha():
            # Not rounded, since what follows rounds too.
            mixed = colors + (mixed - colors) * (below[below.bands - 1] / ceiling(below))
        colors = mixed
    if blend == "atop" and below.hasalpha():
        made = _between(ground, colors, alpha).bandjoin(below[below.bands - 1])
    elif blend == "add" and not below.hasalpha():
        made = (ground + colors * (alpha / ceiling(part))).rint().cast(below.format)
    elif blend != "xor" and not below.hasalpha():
        made = _between(ground, colors, alpha)
    else:
        # libvips mixes in floating point, and cuts off what comes after the point unless it is given floats.
        whole = blend not in FORMULAS and (part.bands, part.format) == (below.bands, below.format)
        above = part if whole else colors.bandjoin(_as_deep(alpha, below))
        above = above.cast("float").copy(interpretation=below.interpretation)
        mode = blend if blend in {"xor", "add"} else "over"
        made = below.cast("float").composite2(above, mode).rint().cast(below.format)
    return made.copy(interpretation=below.interpretation)


def _between(ground: pyvips.Image, colors: pyvips.Image, alpha: pyvips.Image) -> pyvips.Image:
    """From one to the other, both of one depth, as ``alpha`` of any depth says."""
    if alpha.format == "uchar":
        return alpha.ifthenelse(colors, ground, blend=True)
    return (ground + (colors - ground) * (alpha / ceiling(alpha))).rint().cast(ground.format)


def _as_deep(image: pyvips.Image, other: pyvips.Image) -> pyvips.Image:
    """Its values brought to the depth of another."""
    if image.format == other.format:
        return image
    return (image * (ceiling(other) / ceiling(image))).rint().cast(other.format)


def _inward(fraction: float, shift: int, margin: int) -> int:
    if fraction == 0.5:
        return shift
    return shift + margin if fraction == 0 else -shift - margin


def _faded(layer: pyvips.Image, opacity: float) -> pyvips.Image:
    if opacity == 1:
        return layer
    last = layer.bands - 1
    return layer[:last].bandjoin((layer[last] * opacity).rint().cast(layer.format))


def _pattern(
    layer: pyvips.Image, tile: Tile, spacing: tuple[int, int], corner: tuple[int, int], size: tuple[int, int]
) -> pyvips.Image:
    """A picture of this size full of the layer, one of which has its corner at ``corner``."""
    # Room of the picture's size puts the next copy out of sight; more would only take memory.
    width, height = layer.width + min(spacing[0], size[0]), layer.height + min(spacing[1], size[1])
    cell = layer.copy_memory().embed(0, 0, width, height)
    if tile == "chess":
        blank = cell.linear(0, 0).cast(layer.format)
        cell = cell.join(blank, "horizontal").join(blank.join(cell, "horizontal"), "vertical")
    shift_x, shift_y = -corner[0] % cell.width, -corner[1] % cell.height
    across = -(-(size[0] + shift_x) // cell.width)
    down = -(-(size[1] + shift_y) // cell.height)
    return cell.replicate(across, down).crop(shift_x, shift_y, *size)
