"""Words on a picture."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pixelflow.domain.errors import ImageError
from pixelflow.operations.base import Context, Length, Operation, pixels
from pixelflow.operations.color import Color, rgba
from pixelflow.operations.dilation import dilated
from pixelflow.operations.fonts import LINE_HEIGHT, FontName, lettering, printable
from pixelflow.operations.frames import frame_size
from pixelflow.operations.gravity import Gravity
from pixelflow.operations.layers import MAX_LAYER_PIXELS, Placement, Tile, laid_over
from pixelflow.operations.lengths import Extent, Position
from pixelflow.operations.orientation import turned
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.spellings import spelled

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyvips

    from pixelflow.operations.outline import Outline


def _words(text: str) -> str:
    if not text.strip():
        raise ValueError("the text is empty")
    return printable(text)


Align = Annotated[Literal["left", "center", "right", "justify"], spelled(center="centre middle")]


class Text(Operation):
    """Write words; markup is shown as it is typed.

    The words are as large as `size` says, or as large as fits the box that `width` and `height` make.
    """

    action = "text"
    family = "text"

    text: Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_words)]
    """The words; a line break starts a new line."""
    font: FontName = "Noto Sans"
    """All come with the server but the CJK one, which the extra `cjk` brings. Letters that a font lacks are
    taken from the others; one that none has is shown as a box."""
    size: float | None = Field(default=None, ge=1, le=1000)
    """Height of the type in pixels; by default 32."""
    width: Length | None = None
    """Instead of a size: width of the box to fit, in pixels or as a percentage of the picture's."""
    height: Length | None = None
    """Instead of a size: height of the box to fit, in pixels or as a percentage of the picture's."""
    color: Color = "black"
    """The colour of the words."""
    opacity: float = Field(default=1, ge=0, le=1)
    """Of words, outline and background together; 0 is not seen."""
    gravity: Gravity = "center"
    """Where the words lie; with `tile`, where one copy of them lies."""
    x: Position = 0
    """Pixels or a percentage of the picture's width, from the gravity's edge inward, else to the right."""
    y: Position = 0
    """Pixels or a percentage of the picture's height, from the gravity's edge inward, else down."""
    align: Align = "left"
    """How lines of different length lie to each other."""
    wrap_width: Length = "100%"
    """Lines are broken at this width, in pixels or as a percentage of the picture's."""
    spacing: int = Field(default=0, ge=0, le=1000)
    """Pixels added between lines."""
    stroke: int = Field(default=0, ge=0, le=100)
    """Width in pixels of an outline around the letters."""
    stroke_color: Color = "white"
    """The colour of the outline."""
    background: Color = "transparent"
    """A box behind the words."""
    padding: int = Field(default=0, ge=0, le=1000)
    """Pixels between the words and the edges of the box behind them."""
    rotate: float = Field(default=0, ge=-360, le=360)
    """Degrees clockwise."""
    tile: Tile = "none"
    """`grid` repeats the words all over, `chess` leaves every other place empty."""
    tile_spacing: Extent = 0
    """Room between the copies of a pattern, in pixels or as a percentage of the picture's side."""

    @model_validator(mode="after")
    def _consistent(self) -> Text:
        if (self.width is None) != (self.height is None):
            raise Contradiction(
                "a box to fit has a width and a height; for lines of a certain width set wrap_width", "width"
            )
        if self.width is not None and (self.size is not None or "wrap_width" in self.model_fields_set):
            raise Contradiction(
                "a box to fit sets size and lines itself: leave out size and wrap_width",
                "width",
                "size",
                "wrap_width",
            )
        if self.stroke == 0 and "stroke_color" in self.model_fields_set:
            raise Contradiction("stroke_color needs a stroke of at least 1", "stroke_color")
        if self.tile == "none" and self.tile_spacing != 0:
            raise Contradiction(
                "tile_spacing is between copies: set tile to grid or chess, or leave it out", "tile_spacing"
            )
        return self

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return replace(given, color=True)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        letters = self._letters(frame_size(image), context)
        label = self._label(letters)
        if self.rotate % 360:
            label = turned(label.copy_memory(), self.rotate % 360, [0.0] * 4)
        placement = Placement(
            gravity=self.gravity,
            x=self.x,
            y=self.y,
            tile=self.tile,
            spacing=self.tile_spacing,
            opacity=self.opacity,
        )
        return laid_over(image, label, placement)

    def _letters(self, picture: tuple[int, int], context: Context) -> pyvips.Image:
        """How much of each pixel the words cover, 0–255, no larger than their ink."""
        import pyvips

        fitting: dict[str, int]
        if self.width is not None and self.height is not None:
            fitting = {"width": pixels(self.width, picture[0]), "height": pixels(self.height, picture[1])}
            size, area = 32.0, fitting["width"] * fitting["height"]
        else:
            fitting = {"width": pixels(self.wrap_width, picture[0]), "dpi": 72}
            size = self.size or 32.0
            area = self._area(size, fitting["width"])
        if area > MAX_LAYER_PIXELS:
            message = f"so much text at this size would take {area:,} pixels, of {MAX_LAYER_PIXELS:,} at most"
            raise ImageError("invalid", message, step=context.step)
        try:
            return lettering(
                escape(self.text, quote=False),
                self.font,
                size,
                align={"center": "centre", "right": "high"}.get(self.align, "low"),
                justify=self.align == "justify",
                spacing=self.spacing,
                wrap="word-char",
                **fitting,
            )
        except pyvips.Error as error:
            raise ImageError(
                "invalid", "the text cannot be set, it may have no visible letter", step=context.step
            ) from error

    def _area(self, size: float, width: int) -> int:
        """No fewer pixels than the words will take."""
        lines = sum(1 + int(2 * len(line) * size / max(width, size)) for line in self.text.splitlines())
        longest = min(max(width, size), size * max(len(line) for line in self.text.splitlines()))
        return int(lines * (size * LINE_HEIGHT + self.spacing) * longest)

    def _label(self, letters: pyvips.Image) -> pyvips.Image:
        """Words, outline and box in sRGB with alpha."""
        around = self.padding + self.stroke
        letters = letters.embed(around, around, letters.width + 2 * around, letters.height + 2 * around)
        label = _filled(letters, self.color)
        if self.stroke:
            label = _filled(dilated(letters, self.stroke), self.stroke_color).composite2(label, "over")
        if rgba(self.background)[3]:
            box = letters.linear(0, 255).cast("uchar")
            label = _filled(box, self.background).composite2(label, "over")
        return label.cast("uchar")


def _filled(cover: pyvips.Image, color: str) -> pyvips.Image:
    """A colour seen as far as ``cover`` says."""
    red, green, blue, alpha = rgba(color)
    seen = cover if alpha == 255 else (cover * (alpha / 255)).rint().cast("uchar")
    flat = cover.new_from_image([red, green, blue]).cast("uchar").copy(interpretation="srgb")
    return flat.bandjoin(seen)


OPERATIONS = [Text]
