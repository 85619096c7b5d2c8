"""Room around a picture, and the colour behind it."""

from __future__ import annotations

from dataclasses import replace
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
    from collections.abc import Mapping

    import pyvips

    from pixelflow.operations.outline import Outline

Mode = Annotated[
    Literal["background", "copy", "repeat", "mirror", "blur"],
    spelled(background="color", copy="edge extend replicate", repeat="wrap", mirror="reflect"),
]


class Extend(Operation):
    """Add room around, up to a size or a shape; no pixel of the picture is lost."""

    action = "extend"
    family = "canvas"
    streams = True

    width: Length | None = None
    """Width to reach, in pixels or as a percentage of the picture's; a wider picture stays."""
    height: Length | None = None
    """Height to reach, in pixels or as a percentage of the picture's; a higher picture stays."""
    aspect_ratio: AspectRatio | None = None
    """Instead of a width and a height: the smallest canvas of this shape."""
    gravity: Gravity = "center"
    """Where on a canvas of a given size or shape the picture lies."""
    mode: Mode = "background"
    """What the room shows: a colour, the outermost pixels drawn out, the picture again, the picture mirrored,
    or the picture stretched and blurred."""
    color: EdgeColor | None = None
    """The colour of mode `background`; by default transparent, `auto` is that of the picture's edge."""

    @model_validator(mode="after")
    def _consistent(self) -> Extend:
        if (self.width is not None or self.height is not None) == (self.aspect_ratio is not None):
            raise Contradiction("give a width and a height, or an aspect_ratio", "width")
        self._check_color()
        return self

    def target(self, width: int, height: int) -> tuple[int, int]:
        if self.aspect_ratio is not None:
            shape = ratio(self.aspect_ratio)
            return max(width, round(height * shape)), max(height, round(width / shape))
        return (
            max(width, pixels(self.width, width)) if self.width is not None else width,
            max(height, pixels(self.height, height)) if self.height is not None else height,
        )

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        made = given.resized(self.target)
        if self.mode != "background" or self.color == "auto" or (given.size and made.size == given.size):
            return made
        filled = made.ready_for(self.color or "transparent")
        return filled if given.size else made.or_else(filled)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        size = frame_size(image)
        canvas = self.target(*size)
        if canvas == size:
            return image
        x, y = self._corner(size, canvas)
        if self.mode == "blur":
            return on_canvas(image, x, y, *canvas, "blur")
        if self.mode == "background":
            return on_canvas(image, x, y, *canvas, self.color or "transparent")
        # What is copied is read again, which a streaming decoder cannot do.
        return each_frame(image.copy_memory(), lambda frame: frame.embed(x, y, *canvas, extend=self.mode))

    def _corner(self, size: tuple[int, int], canvas: tuple[int, int]) -> tuple[int, int]:
        """Left and top in pixels of the picture on its canvas."""
        return offset(canvas[0] - size[0], canvas[1] - size[1], self.gravity)

    def _check_color(self) -> None:
        if self.mode != "background" and self.color is not None:
            raise Contradiction(
                f"mode {self.mode!r} has no colour: leave out color, or mode", "color", "mode"
            )


class Pad(Extend):
    """Add room around, by so much on each side, or instead up to a size or a shape."""

    action = "pad"

    top: Extent | None = None
    """Room above, in pixels or as a percentage of the picture's height."""
    right: Extent | None = None
    """Room to the right, in pixels or as a percentage of the picture's width."""
    bottom: Extent | None = None
    """Room below, in pixels or as a percentage of the picture's height."""
    left: Extent | None = None
    """Room to the left, in pixels or as a percentage of the picture's width."""

    @model_validator(mode="after")
    def _consistent(self) -> Pad:
        sized = self.width is not None or self.height is not None
        if self._sided + sized + (self.aspect_ratio is not None) != 1:
            raise Contradiction(
                "give sides (top, right, bottom, left), or a width and a height, or an aspect_ratio", "top"
            )
        if self._sided and "gravity" in self.model_fields_set:
            raise Contradiction("the sides place the picture: leave out gravity", "gravity")
        self._check_color()
        return self

    def target(self, width: int, height: int) -> tuple[int, int]:
        if not self._sided:
            return super().target(width, height)
        return (
            distance(self.left or 0, width) + width + distance(self.right or 0, width),
            distance(self.top or 0, height) + height + distance(self.bottom or 0, height),
        )

    def _corner(self, size: tuple[int, int], canvas: tuple[int, int]) -> tuple[int, int]:
        if not self._sided:
            return super()._corner(size, canvas)
        return distance(self.left or 0, size[0]), distance(self.top or 0, size[1])

    @property
    def _sided(self) -> bool:
        return any(side is not None for side in (self.top, self.right, self.bottom, self.left))


class Border(Operation):
    """Draw a frame of one colour around the picture, which grows by it on every side."""

    action = "border"
    family = "canvas"
    streams = True

    width: Length
    """How thick the frame is, in pixels or as a percentage of the picture's shorter side."""
    color: Color = "black"
    """The frame's colour."""

    def target(self, width: int, height: int) -> tuple[int, int]:
        thick = pixels(self.width, min(width, height))
        return width + 2 * thick, height + 2 * thick

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return given.resized(self.target).ready_for(self.color)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        size = frame_size(image)
        thick = pixels(self.width, min(size))
        return on_canvas(image, thick, thick, *self.target(*size), self.color)


class Background(Operation):
    """Put an opaque colour behind; what was transparent shows it, and the alpha channel goes."""

    action = "background"
    family = "canvas"
    streams = True

    color: Color = "white"
    """The colour behind."""

    @model_validator(mode="after")
    def _consistent(self) -> Background:
        if rgba(self.color)[3] < 255:
            raise Contradiction("a background is opaque: give a color without alpha", "color")
        return self

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return given if given.alpha is False else replace(given.ready_for(self.color), alpha=False)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        if not image.hasalpha():
            return image
        image, values = ready_for(image, self.color)
        return image.flatten(background=values[:-1])


OPERATIONS = [Pad, Extend, Border, Background]
