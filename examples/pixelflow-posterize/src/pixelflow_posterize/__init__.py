"""An operation for PixelFlow: fewer levels of each colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from pixelflow.operations.base import Context, Operation
from pixelflow.operations.surface import ceiling, with_alpha_apart

if TYPE_CHECKING:
    import pyvips


class Posterize(Operation):
    """Keep a few levels of each colour, as a poster has; alpha stays."""

    action = "posterize"
    family = "colors"

    levels: int = Field(default=4, ge=2, le=64)
    """How many levels each of red, green and blue keeps."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        """The picture with as many levels; black and white are among them."""
        step = ceiling(image) / (self.levels - 1)
        return with_alpha_apart(
            image, lambda colors: ((colors / step).rint() * step).rint().cast(image.format)
        )


OPERATIONS = [Posterize]
