"""What changes each pixel's colour by itself; alpha stays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from pixelflow.operations.base import Context, Operation
from pixelflow.operations.color import Color, rgba
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.surface import ceiling, colored, grey, with_alpha_apart

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyvips

    from pixelflow.operations.outline import Outline


class Grayscale(Operation):
    """Keep the luminance only."""

    action = "grayscale"
    family = "colors"
    streams = True

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return replace(given, color=False)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return grey(image)


class Sepia(Operation):
    """The brown of old prints (Filter Effects Module Level 1, section 9.2)."""

    action = "sepia"
    family = "colors"
    streams = True

    amount: float = Field(default=0.8, ge=0, le=1)
    """0 leaves the picture as it is, 1 is all sepia."""

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return replace(given, color=True)

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
    streams = True

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return with_alpha_apart(image, lambda colors: colors.invert())


class Adjust(Operation):
    """Change brightness, lightness, saturation and hue in CIE LCh, then contrast around mid-grey."""

    action = "adjust"
    family = "colors"
    streams = True

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


class Tint(Operation):
    """Give everything one hue: the colour's chroma in CIE Lab, with the picture's own lightness."""

    action = "tint"
    family = "colors"
    streams = True

    color: Color
    """An opaque colour; how light it is does not matter, and a grey one takes the colour away."""
    amount: float = Field(default=1, ge=0, le=1)
    """0 leaves the picture as it is, 1 leaves nothing of its own colours."""

    @model_validator(mode="after")
    def _consistent(self) -> Tint:
        _opaque("color", self.color)
        return self

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return replace(given, color=True)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        import pyvips

        color = pyvips.Image.black(1, 1, bands=3) + list(rgba(self.color)[:3])
        _, *chroma = color.copy(interpretation="srgb").colourspace("lab")(0, 0)
        rest = 1 - self.amount

        def hued(colors: pyvips.Image) -> pyvips.Image:
            lab = colors.colourspace("lab").linear(
                [1, rest, rest], [0, *(part * self.amount for part in chroma)]
            )
            return lab.copy(interpretation="lab").colourspace(colors.interpretation).cast(colors.format)

        def tinted(colors: pyvips.Image) -> pyvips.Image:
            if self.amount < 1:
                return hued(colors)
            # Only lightness is left, which luminance in 16 bits knows: a table takes a third of the time.
            levels = pyvips.Image.identity(ushort=True).copy(interpretation="grey16")
            table = hued(colored(levels).copy_memory())
            table = table if colors.format == "ushort" else table.colourspace("srgb")
            toned = colors.colourspace("grey16").maplut(table)
            return toned.copy(interpretation=colors.interpretation)

        return with_alpha_apart(colored(image), tinted)


class Duotone(Operation):
    """Turn luminance into the colours between two."""

    action = "duotone"
    family = "colors"
    streams = True

    shadow: Color = "black"
    """The opaque colour that black becomes."""
    highlight: Color = "white"
    """The opaque colour that white becomes."""
    amount: float = Field(default=1, ge=0, le=1)
    """0 leaves the picture as it is, 1 leaves nothing of its own colours."""

    @model_validator(mode="after")
    def _consistent(self) -> Duotone:
        _opaque("shadow", self.shadow)
        _opaque("highlight", self.highlight)
        return self

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return replace(given, color=True)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return with_alpha_apart(colored(image), self._toned)

    def _toned(self, colors: pyvips.Image) -> pyvips.Image:
        import pyvips

        depth, white = colors.format, ceiling(colors)
        dark, light = rgba(self.shadow)[:3], rgba(self.highlight)[:3]
        scale = self.amount / 255
        table = pyvips.Image.identity(ushort=depth == "ushort", size=white + 1).linear(
            [(end - start) * scale for start, end in zip(dark, light, strict=True)],
            [start * white * scale for start in dark],
        )
        if self.amount == 1:
            toned = grey(colors).maplut(rounded(table, depth))
        else:
            toned = rounded(grey(colors).maplut(table) + colors * (1 - self.amount), depth)
        return toned.copy(interpretation=colors.interpretation)


def _opaque(field: str, color: str) -> None:
    if rgba(color)[3] < 255:
        raise Contradiction(f"{field} is opaque: give it without alpha, and an amount", field)


def rounded(values: pyvips.Image, depth: str) -> pyvips.Image:
    """Fractions rounded to whole values of this depth, cut off at its ends."""
    return values.rint().cast(depth)


OPERATIONS = [Grayscale, Sepia, Invert, Adjust, Tint, Duotone]
