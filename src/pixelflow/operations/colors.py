"""What changes each pixel's colour by itself; alpha stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from pixelflow.operations.base import Context, Operation
from pixelflow.operations.surface import ceiling, colored, grey, with_alpha_apart

if TYPE_CHECKING:
    import pyvips


class Grayscale(Operation):
    """Keep the luminance only."""

    action = "grayscale"
    family = "colors"

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return grey(image)


class Sepia(Operation):
    """The brown of old prints (Filter Effects Module Level 1, section 9.2)."""

    action = "sepia"
    family = "colors"

    amount: float = Field(default=0.8, ge=0, le=1)
    """0 leaves the picture as it is, 1 is all sepia."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        rest = 1 - self.amount
        matrix = [
            [0.393 + 0.607 * rest, 0.769 - 0.769 * rest, 0.189 - 0.189 * rest],
            [0.349 - 0.349 * rest, 0.686 + 0.314 * rest, 0.168 - 0.168 * rest],
            [0.272 - 0.272 * rest, 0.534 - 0.534 * rest, 0.131 + 0.869 * rest],
        ]
        return with_alpha_apart(colored(image), lambda colors: rounded(colors.recomb(matrix), image.format))


class Invert(Operation):
    """Make the negative."""

    action = "invert"
    family = "colors"

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return with_alpha_apart(image, lambda colors: colors.invert())


class Adjust(Operation):
    """Change brightness, lightness, saturation and hue in CIE LCh, then contrast around mid-grey."""

    action = "adjust"
    family = "colors"

    brightness: float = Field(default=1, ge=0, le=10)
    """What lightness is multiplied by."""
    contrast: float = Field(default=1, ge=0, le=10)
    """What the distance of each value from mid-grey is multiplied by."""
    saturation: float = Field(default=1, ge=0, le=10)
    """What chroma is multiplied by; 0 is grey."""
    hue: float = Field(default=0, ge=-360, le=360)
    """Degrees by which hues turn."""
    lightness: float = Field(default=0, ge=-100, le=100)
    """What is added to lightness, where black is 0 and white 100."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return with_alpha_apart(image, self._adjusted)

    def _adjusted(self, colors: pyvips.Image) -> pyvips.Image:
        space, depth = colors.interpretation, colors.format
        if (self.brightness, self.saturation, self.hue % 360, self.lightness) != (1, 1, 0, 0):
            lch = colors.colourspace("lch")
            colors = lch.linear([self.brightness, self.saturation, 1], [self.lightness, 0, self.hue % 360])
            colors = colors.copy(interpretation="lch").colourspace(space).cast(depth)
        if self.contrast != 1:
            middle = ceiling(colors) / 2
            colors = rounded(colors.linear(self.contrast, middle * (1 - self.contrast)), depth)
        return colors


def rounded(values: pyvips.Image, depth: str) -> pyvips.Image:
    """Fractions rounded to whole values of this depth, cut off at its ends."""
    return values.rint().cast(depth)


OPERATIONS = [Grayscale, Sepia, Invert, Adjust]
