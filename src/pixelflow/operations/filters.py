"""What looks at a pixel's neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from pixelflow.operations.base import Context, Operation
from pixelflow.operations.frames import each_frame
from pixelflow.operations.gaussian import blurred
from pixelflow.operations.surface import with_alpha_apart

if TYPE_CHECKING:
    import pyvips


class Blur(Operation):
    """Blur with a Gaussian; transparent pixels lend no colour to their neighbours."""

    action = "blur"
    family = "filters"

    sigma: float = Field(default=3, ge=0.3, le=250)
    """Standard deviation in pixels."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return each_frame(image, lambda frame: blurred(frame, self.sigma))


class Sharpen(Operation):
    """Sharpen lightness, leaving colour and alpha alone."""

    action = "sharpen"
    family = "filters"

    sigma: float = Field(default=0.5, ge=0.1, le=10)
    """Standard deviation of the mask in pixels: the size of what is sharpened."""
    flat: float = Field(default=1, ge=0, le=100)
    """How much flat areas are sharpened."""
    jagged: float = Field(default=2, ge=0, le=100)
    """How much jagged areas are sharpened."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        def sharpened(frame: pyvips.Image) -> pyvips.Image:
            return frame.sharpen(sigma=self.sigma, m1=self.flat, m2=self.jagged)

        return each_frame(image, lambda frame: with_alpha_apart(frame, sharpened))


OPERATIONS = [Blur, Sharpen]
