"""Turning and mirroring."""

from __future__ import annotations

from dataclasses import replace
from math import cos, radians, sin
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pixelflow.domain.errors import ImageError
from pixelflow.operations.base import Context, Operation
from pixelflow.operations.color import Color
from pixelflow.operations.frames import each_frame
from pixelflow.operations.spellings import spelled
from pixelflow.operations.surface import ready_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyvips

    from pixelflow.operations.outline import Outline

_RIGHT_ANGLES = {90.0: "d90", 180.0: "d180", 270.0: "d270"}


Axis = Annotated[
    Literal["horizontal", "vertical", "both"], spelled(horizontal="h flop", vertical="v", both="hv vh")
]


class Rotate(Operation):
    """Turn clockwise; right angles move pixels only, others enlarge the canvas to hold the corners."""

    action = "rotate"
    family = "orientation"

    angle: float = Field(ge=-360, le=360)
    """Degrees clockwise; negative is counter-clockwise."""
    background: Color = "transparent"
    """What fills the corners."""

    @property
    def leaves_colors(self) -> bool:
        return self.angle % 90 == 0

    def target(self, width: int, height: int) -> tuple[int, int]:
        angle = self.angle % 360
        if angle in {90, 270}:
            return height, width
        across, down = abs(cos(radians(angle))), abs(sin(radians(angle)))
        # As libvips has it: the box around the four corners, rounded.
        return (
            max(1, int(width * across + height * down + 0.5)),
            max(1, int(width * down + height * across + 0.5)),
        )

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        made = given.resized(self.target)
        angle = self.angle % 360
        return made if angle == 0 or angle in _RIGHT_ANGLES else made.ready_for(self.background)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        angle = self.angle % 360
        if angle == 0:
            return image
        # A turned picture is read out of order, which a streaming decoder cannot do.
        image = image.copy_memory()
        background: list[float] = []
        if angle not in _RIGHT_ANGLES:
            image, background = ready_for(image, self.background)
        return each_frame(image, lambda frame: turned(frame, angle, background))


class Flip(Operation):
    """Mirror the picture."""

    action = "flip"
    family = "orientation"
    streams = True

    axis: Axis
    """`horizontal` swaps left and right, `vertical` top and bottom."""

    @property
    def leaves_colors(self) -> bool:
        return True

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        if self.axis == "horizontal":
            return each_frame(image, lambda frame: frame.fliphor())
        # From the bottom a streaming decoder cannot be read.
        image = image.copy_memory()
        return each_frame(image, lambda frame: frame.rot180() if self.axis == "both" else frame.flipver())


class AutoOrient(Operation):
    """Turn upright as EXIF says, which is done to every source already, or leave one as it is stored."""

    action = "auto_orient"
    family = "orientation"
    streams = True

    ignore: bool = False
    """Give the picture as it is stored, whatever EXIF says of it; for the first step after the source."""

    @property
    def leaves_colors(self) -> bool:
        return True

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        if not self.ignore or given.sideways is False:
            return given
        stored = replace(given, widths=given.heights, heights=given.widths)
        return stored if given.sideways else given.or_else(stored)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        if self.ignore:
            return self._as_stored(image, context)
        if not image.get_typeof("orientation") or image.get("orientation") == 1:
            return image
        return each_frame(image.copy_memory(), lambda frame: frame.autorot())

    def _as_stored(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        import pyvips

        if not context.original:
            raise ImageError(
                "invalid", "only the source itself can be as it is stored: no other step comes first"
            )
        orientation = context.facts.get("orientation", 1)
        if orientation == 1 or context.facts.get("frames", 1) > 1:
            return image
        # All others are their own opposites.
        image = image.copy_memory().copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", {6: 8, 8: 6}.get(orientation, orientation))
        return image.autorot()


def turned(frame: pyvips.Image, angle: float, background: list[float]) -> pyvips.Image:
    """One frame turned clockwise by 0–360 degrees on a background with a value for each band."""
    import pyvips

    if angle in _RIGHT_ANGLES:
        return frame.rot(_RIGHT_ANGLES[angle])
    # libvips weighs colours by alpha here itself, as it does not for resize.
    return frame.rotate(angle, interpolate=pyvips.Interpolate.new("bicubic"), background=background)


OPERATIONS = [Rotate, Flip, AutoOrient]
