"""Room around a picture, and the colour behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import model_validator

from pixelflow.operations.base import Context, Length, Operation, pixels
from pixelflow.operations.color import Color, EdgeColor, rgba
from pixelflow.operations.frames import each_frame, frame_size
from pixelflow.operations.gravity import Gravity, offset
from pixelflow.operations.lengths import AspectRatio, Extent, distance, ratio
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.spellings import spelled
from pixelflow.operations.surface import on_canvas, ready_for

if TYPE_CHECKING:
    import pyvips

Mode = Annotated[
    Literal["background", "copy", "repeat", "mirror", "blur"],
    spelled(background="color", copy="edge extend replicate", repeat="wrap", mirror="reflect"),
]


class Pad(Operation):
    """Add room around, by so much on each side, or up to a size or a shape."""

    action = "pad"
    family = "canvas"

    top: Extent | None = None
    """Room above, in pixels or as a percentage of the picture's height."""
    right: Extent | None = None
    """Room to the right, in pixels or as a percentage of the picture's width."""
    bottom: Extent | None = None
    """Room below, in pixels or as a percentage of the picture's height."""
    left: Extent | None = None
    """Room to the left, in pixels or as a percentage of the picture's width."""
    width: Length | None = None
    """Instead of sides: pad to this width; a wider picture stays."""
    height: Length | None = None
    """Instead of sides: pad to this height; a higher picture stays."""
    aspect_ratio: AspectRatio | None = None
    """Instead of sides: pad to the smallest canvas of this shape."""
    gravity: Gravity = "center"
    """Where on a canvas of a given size or shape the picture lies."""
    mode: Mode = "background"
    """What the room shows: a colour, the outermost pixels drawn out, the picture again, the picture mirrored,
    or the picture stretched and blurred."""
    color: EdgeColor | None = None
    """The colour of mode `background`; by default transparent, `auto` is that of the picture's edge."""

    @model_validator(mode="after")
    def _consistent(self) -> Pad:
        sides = any(side is not None for side in (self.top, self.right, self.bottom, self.left))
        sized = self.width is not None or self.height is not None
        if sides + sized + (self.aspect_ratio is not None) != 1:
            raise Contradiction(
                "give sides (top, right, bottom, left), or a width and a height, or an aspect_ratio", "top"
            )
        if sides and "gravity" in self.model_fields_set:
            raise Contradiction("the sides place the picture: leave out gravity", "gravity")
        if self.mode != "background" and self.color is not None:
            raise Contradiction(
                f"mode {self.mode!r} has no colour: leave out color, or mode", "color", "mode"
            )
        return self

    def target(self, width: int, height: int) -> tuple[int, int]:
        if self.aspect_ratio is not None:
            shape = ratio(self.aspect_ratio)
            return max(width, round(height * shape)), max(height, round(width / shape))
        if self.width is not None or self.height is not None:
            return (
                max(width, pixels(self.width, width)) if self.width is not None else width,
                max(height, pixels(self.height, height)) if self.height is not None else height,
            )
        left, top, right, bottom = self._sides(width, height)
        return left + width + right, top + height + bottom

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        size = frame_size(image)
        canvas = self.target(*size)
        if canvas == size:
            return image
        if self.width is None and self.height is None and self.aspect_ratio is None:
            x, y = self._sides(*size)[:2]
        else:
            x, y = offset(canvas[0] - size[0], canvas[1] - size[1], self.gravity)
        if self.mode == "blur":
            return on_canvas(image, x, y, *canvas, "blur")
        if self.mode == "background":
            return on_canvas(image, x, y, *canvas, self.color or "transparent")
        # What is copied is read again, which a streaming decoder cannot do.
        return each_frame(image.copy_memory(), lambda frame: frame.embed(x, y, *canvas, extend=self.mode))

    def _sides(self, width: int, height: int) -> tuple[int, int, int, int]:
        return (
            distance(self.left or 0, width),
            distance(self.top or 0, height),
            distance(self.right or 0, width),
            distance(self.bottom or 0, height),
        )


class Background(Operation):
    """Put an opaque colour behind; what was transparent shows it, and the alpha channel goes."""

    action = "background"
    family = "canvas"

    color: Color = "white"
    """The colour behind."""

    @model_validator(mode="after")
    def _consistent(self) -> Background:
        if rgba(self.color)[3] < 255:
            raise Contradiction("a background is opaque: give a color without alpha", "color")
        return self

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        if not image.hasalpha():
            return image
        image, values = ready_for(image, self.color)
        return image.flatten(background=values[:-1])


OPERATIONS = [Pad, Background]
