"""Cutting a part out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import model_validator

from pixelflow.domain.errors import ImageError
from pixelflow.operations.base import Context, Length, Operation, pixels
from pixelflow.operations.frames import each_frame, first_frame, frame_size
from pixelflow.operations.gravity import PLACES, FocalPoint, Focus, window
from pixelflow.operations.lengths import AspectRatio, Extent, distance, ratio
from pixelflow.operations.problems import Contradiction

if TYPE_CHECKING:
    import pyvips


_BOX = ("x", "y", "width", "height")


class Crop(Operation):
    """Cut out a box, placed by its corner, or by what it should hold.

    With `x` or `y` the box must lie inside the picture. Otherwise `gravity` or `focus` places it, and a side
    longer than the picture's is cut to that.
    """

    action = "crop"
    family = "cropping"

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
    """Where the box lies; by default in the center."""
    focus: FocalPoint | None = None
    """The point that the box has in its middle, or as near to it as the picture's edges allow."""

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

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        whole = frame_size(image)
        box = self.target(*whole)
        if self.x is not None or self.y is not None:
            left, top = distance(self.x or 0, whole[0]), distance(self.y or 0, whole[1])
            if min(box) < 1 or left + box[0] > whole[0] or top + box[1] > whole[1]:
                raise ImageError(
                    "invalid",
                    f"the box to crop, {box[0]} × {box[1]} pixels at {left}, {top}, is not inside the "
                    f"picture of {whole[0]} × {whole[1]} pixels",
                    step=context.step,
                )
        else:
            focus = self.focus or self.gravity or "center"
            if isinstance(focus, str) and focus not in PLACES:
                # It is read once to look and once to cut, which a streaming decoder cannot do.
                image = image.copy_memory()
                left, top = window(whole, box, focus, first_frame(image))
            else:
                left, top = window(whole, box, focus, image)
        return image if box == whole else each_frame(image, lambda frame: frame.crop(left, top, *box))


OPERATIONS = [Crop]
