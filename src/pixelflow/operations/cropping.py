"""Cutting a part out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from pixelflow.domain.errors import ImageError
from pixelflow.operations.base import Context, Length, Operation, pixels
from pixelflow.operations.color import EdgeColor
from pixelflow.operations.frames import each_frame, first_frame, frame_size
from pixelflow.operations.gravity import FocalPoint, Focus, searches, window
from pixelflow.operations.lengths import AspectRatio, Extent, distance, ratio
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.surface import ceiling, ready_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyvips

    from pixelflow.operations.outline import Outline


_BOX = ("x", "y", "width", "height")


class Crop(Operation):
    """Cut out a box, placed by its corner, or by what it should hold.

    With `x` or `y` the box must lie inside the picture. Otherwise `gravity` or `focus` places it, and a side
    longer than the picture's is cut to that.
    """

    action = "crop"
    family = "cropping"
    streams = True

    x: Extent | None = None
    """Left edge of the box, in pixels or as a percentage of the picture's width."""
    y: Extent | None = None
    """Top edge of the box, in pixels or as a percentage of the picture's height."""
    width: Length | None = None
    """Width of the box; left out, it reaches to the picture's right edge."""
    height: Length | None = None
    """Height of the box; left out, it reaches to the picture's bottom edge."""
    aspect_ratio: AspectRatio | None = None
    """Instead of a size: the largest box of this shape."""
    gravity: Focus | None = None
    """Where the box lies; by default in the center. `face` needs the extra `faces`."""
    focus: FocalPoint | None = None
    """The point that the box has in its middle, or as near to it as the picture's edges allow."""

    @property
    def cuts(self) -> bool:
        return True

    @model_validator(mode="after")
    def _consistent(self) -> Crop:
        sized = self.width is not None or self.height is not None
        cornered = self.x is not None or self.y is not None
        if self.aspect_ratio is not None and (sized or cornered):
            raise Contradiction(
                "aspect_ratio finds the box itself: leave out x, y, width and height", "aspect_ratio", *_BOX
            )
        if self.aspect_ratio is None and not (sized or cornered):
            raise Contradiction("give a width, a height, x, y or an aspect_ratio", "width")
        if sum([cornered, self.gravity is not None, self.focus is not None]) > 1:
            raise Contradiction(
                "x and y, gravity and focus each place the box: give one of them",
                "gravity",
                "focus",
                "x",
                "y",
            )
        return self

    @property
    def leaves_colors(self) -> bool:
        return self.gravity is None or not searches(self.gravity)

    def target(self, width: int, height: int) -> tuple[int, int]:
        if self.aspect_ratio is not None:
            shape = ratio(self.aspect_ratio)
            if width > height * shape:
                return max(1, min(width, round(height * shape))), height
            return width, max(1, min(height, round(width / shape)))
        left, top = distance(self.x or 0, width), distance(self.y or 0, height)
        wanted = (
            pixels(self.width, width) if self.width is not None else width - left,
            pixels(self.height, height) if self.height is not None else height - top,
        )
        if self.x is None and self.y is None:
            return min(wanted[0], width), min(wanted[1], height)
        return wanted

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        if given.size and (self.x is not None or self.y is not None):
            self._corner(given.size)
        # What is not inside of a picture whose size is not known yet is told when it is.
        return given.resized(lambda *whole: _at_least_one(self.target(*whole)))

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        whole = frame_size(image)
        box = self.target(*whole)
        if self.x is not None or self.y is not None:
            left, top = self._corner(whole, context.step)
        else:
            focus = self.focus or self.gravity or "center"
            if searches(focus):
                # It is read once to look and once to cut, which a streaming decoder cannot do.
                image = image.copy_memory()
                left, top = window(whole, box, focus, first_frame(image))
            else:
                left, top = window(whole, box, focus, image)
        return image if box == whole else each_frame(image, lambda frame: frame.crop(left, top, *box))

    def _corner(self, whole: tuple[int, int], step: str | None = None) -> tuple[int, int]:
        """Left and top of a box that x and y place; raises ImageError for one that is not inside."""
        left, top = distance(self.x or 0, whole[0]), distance(self.y or 0, whole[1])
        box = self.target(*whole)
        if min(box) < 1 or left + box[0] > whole[0] or top + box[1] > whole[1]:
            raise ImageError(
                "invalid",
                f"the box to crop, {box[0]} × {box[1]} pixels at {left}, {top}, is not inside the "
                f"picture of {whole[0]} × {whole[1]} pixels",
                step=step,
            )
        return left, top


def _at_least_one(box: tuple[int, int]) -> tuple[int, int]:
    return max(1, box[0]), max(1, box[1])


class Trim(Operation):
    """Cut off the edges that show one colour only; a picture that shows nothing else stays whole.

    No pixel that differs is cut away, in no frame: an animation is cut by one box that holds what any of its
    frames shows.
    """

    action = "trim"
    family = "cropping"

    threshold: float = Field(default=10, ge=0, le=255)
    """By how much any channel of a pixel, 0 to 255, may differ from the colour; colours weigh as much as they
    are opaque."""
    color: EdgeColor = "auto"
    """The colour to cut off; `auto` is that of the top left pixel."""
    margin: Extent = 0
    """How much is left around, in pixels or as a percentage of the picture's side."""
    equal_h: bool = False
    """Whether left and right lose the same, so that the middle stays in the middle."""
    equal_v: bool = False
    """Whether top and bottom lose the same, so that the middle stays in the middle."""

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return replace(given, widths=(1, given.widths[1]), heights=(1, given.heights[1]))

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        # It is read once to look and once to cut, which a streaming decoder cannot do.
        image = image.copy_memory()
        width, height = frame_size(image)
        left, top, right, bottom = self._shown(image)
        if left >= right:
            return image
        across, down = distance(self.margin, width), distance(self.margin, height)
        left, right = max(0, left - across), min(width, right + across)
        top, bottom = max(0, top - down), min(height, bottom + down)
        if self.equal_h:
            left = min(left, width - right)
            right = width - left
        if self.equal_v:
            top = min(top, height - bottom)
            bottom = height - top
        if (right - left, bottom - top) == (width, height):
            return image
        return each_frame(image, lambda frame: frame.crop(left, top, right - left, bottom - top))

    def _shown(self, image: pyvips.Image) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of what differs in any frame; without it right is not past left."""
        look, color = (image, None) if self.color == "auto" else ready_for(image, self.color)
        if look.hasalpha():
            look = look.premultiply()
            full = ceiling(image)
            color = color and [value * color[-1] / full for value in color[:-1]] + [color[-1]]
        color = color or look(0, 0)
        # As bands without a meaning, or alpha would be flattened away.
        look = look.copy(interpretation="multiband")
        threshold = self.threshold * ceiling(image) / 255
        width, height = frame_size(image)
        box = width, height, 0, 0
        for above in range(0, image.height, height):
            frame = look.crop(0, above, width, height)
            x, y, across, down = frame.find_trim(threshold=threshold, background=color, line_art=True)
            if across and down:
                box = min(box[0], x), min(box[1], y), max(box[2], x + across), max(box[3], y + down)
        return box


OPERATIONS = [Crop, Trim]
