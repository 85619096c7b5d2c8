"""How light and dark are spread; alpha stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from pixelflow.operations.base import Context, Operation
from pixelflow.operations.surface import ceiling, grey, with_alpha_apart

if TYPE_CHECKING:
    import pyvips


class Gamma(Operation):
    """Brighten or darken the middle tones; black and white stay."""

    action = "gamma"
    family = "tones"

    value: float = Field(default=2.2, ge=0.1, le=5)
    """Each value, as a fraction of white, is raised to the power of 1 / value: above 1 brightens, below
    darkens."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        def raised(colors: pyvips.Image) -> pyvips.Image:
            white = ceiling(colors)
            fractions = levels(colors) / white
            return colors.maplut((fractions ** (1 / self.value) * white).rint().cast(colors.format))

        return with_alpha_apart(image, raised)


class Threshold(Operation):
    """Make what is light white and all else black; the result is grey."""

    action = "threshold"
    family = "tones"

    value: int = Field(default=128, ge=0, le=255)
    """The least luminance, as an 8-bit grey value, that becomes white; at 0 all does."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        def split(light: pyvips.Image) -> pyvips.Image:
            scale = ceiling(light) // 255
            return ((light >= self.value * scale) * scale).cast(light.format)

        return with_alpha_apart(grey(image), split)


def levels(colors: pyvips.Image) -> pyvips.Image:
    """Each value that this depth has, in order, as a table to look up."""
    import pyvips

    return pyvips.Image.identity(ushort=colors.format == "ushort", size=65536)


OPERATIONS = [Gamma, Threshold]
