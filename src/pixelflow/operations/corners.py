"""Corners cut round."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Annotated, Literal

from pixelflow.operations.base import Context, Length, Operation, pixels
from pixelflow.operations.color import Color, rgba
from pixelflow.operations.colors import rounded
from pixelflow.operations.frames import each_frame, frame_size
from pixelflow.operations.spellings import spelled
from pixelflow.operations.surface import ceiling, ready_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyvips

    from pixelflow.operations.outline import Outline

Radius = Length | Annotated[Literal["max"], spelled(max="full circle")]


class RoundCorners(Operation):
    """Round the corners off, with smooth edges."""

    action = "round_corners"
    family = "canvas"

    radius: Radius
    """Radius in pixels or as a percentage of the picture's shorter side; half of that side is the most, and
    what `max` is: a square becomes a circle."""
    color: Color = "transparent"
    """What shows where the corners were."""

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return given.ready_for("#0000" if rgba(self.color)[3] == 0 else self.color)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        shorter = min(frame_size(image))
        most = shorter / 2
        radius = most if self.radius == "max" else min(most, pixels(self.radius, shorter))
        clear = rgba(self.color)[3] == 0
        image, values = ready_for(image, "#0000" if clear else self.color)
        cover = _cover(radius, ceiling(image))

        def cut(frame: pyvips.Image) -> pyvips.Image:
            # Corners of more than one half of an odd side overlap where they leave the frame as it is.
            whole = frame
            right, below = frame.width - cover.width, frame.height - cover.height
            for x, y, part in (
                (0, 0, cover),
                (right, 0, cover.fliphor()),
                (0, below, cover.flipver()),
                (right, below, cover.rot180()),
            ):
                corner = whole.crop(x, y, cover.width, cover.height)
                frame = frame.insert(_faded(corner, part) if clear else _mixed(corner, part, values), x, y)
            return frame

        # A corner is read apart from the rest, which a streaming decoder cannot do.
        return each_frame(image.copy_memory(), cut)


def _cover(radius: float, full: int) -> pyvips.Image:
    """How much of each pixel of the top left corner lies within the arc, 0 to ``full``, in memory."""
    import pyvips

    side = ceil(radius)
    apart = pyvips.Image.xyz(side, side).linear(-1, radius - 0.5)
    squares = apart * apart
    cover = ((squares[0] + squares[1]) ** 0.5).linear(-full, (radius + 0.5) * full)
    return rounded(cover, "ushort" if full > 255 else "uchar").copy_memory()


def _faded(corner: pyvips.Image, cover: pyvips.Image) -> pyvips.Image:
    last = corner.bands - 1
    alpha = rounded(corner[last] * cover / ceiling(corner), corner.format)
    return corner[:last].bandjoin(alpha)


def _mixed(corner: pyvips.Image, cover: pyvips.Image, color: list[float]) -> pyvips.Image:
    """The corner where it is covered, the colour where it is not."""
    depth, full = corner.format, ceiling(corner)
    share = cover / full
    if not corner.hasalpha():
        return rounded(corner * share + (1 - share) * color, depth)
    behind = [value * color[-1] / full for value in color[:-1]] + color[-1:]
    mixed = corner.premultiply() * share + (1 - share) * behind
    return rounded(mixed.copy(interpretation=corner.interpretation).unpremultiply(), depth)


OPERATIONS = [RoundCorners]
