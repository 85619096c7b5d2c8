"""Changing the size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixelflow.operations.base import Context, Length, Operation, pixels

if TYPE_CHECKING:
    import pyvips


class Thumbnail(Operation):
    """Fit inside a box, never enlarging, shrinking while loading."""

    action = "thumbnail"
    family = "resizing"

    width: Length | None = None
    height: Length | None = None

    def shrink(self, width: int, height: int) -> float:
        scales = [side / pixels(wanted, side) for wanted, side in ((self.width, width), (self.height, height)) if wanted]
        return max(1.0, *scales)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return image.thumbnail_image(pixels(self.width or 65535, image.width), size="down")


OPERATIONS = [Thumbnail]
