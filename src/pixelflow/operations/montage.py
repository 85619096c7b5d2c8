"""Several pictures made into one: side by side, or one after the other."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from html import escape
from math import ceil, gcd, isqrt
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, model_validator

from pixelflow.domain.errors import ImageError
from pixelflow.domain.limits import MAX_REFERENCES
from pixelflow.operations.base import Context, Length, Operation, pixels
from pixelflow.operations.color import Color, rgba
from pixelflow.operations.fitting import (
    DEFAULT_DELAY,
    Fit,
    Shown,
    deep,
    fitted_size,
    on_ground,
    shown,
    shrunk_by,
    with_alpha,
)
from pixelflow.operations.fonts import LINE_HEIGHT, FontName, lettering, printable
from pixelflow.operations.frames import DELAYS, LOOP, frame_size, strip_of
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.references import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyvips

    from pixelflow.operations.outline import Outline

MAX_CELL = 4096
"""Longest side of a cell in pixels."""

Images = Annotated[tuple[Reference, ...], Field(strict=False, max_length=MAX_REFERENCES)]
Milliseconds = Annotated[int, Field(ge=0, le=65535)]


class _Several(Operation):
    """Takes its own picture and others, an animation with all its frames."""

    family = "montage"
    refers_in = "images"
    chooses_frames = True

    images: Images = ()
    """In their order: ids of assets, `step:` and the id of another step, `job:` and that of an earlier job
    for the picture that it was given, or `source` for this job's own."""
    own: bool = True
    """Whether the picture that this step takes comes first."""
    fit: Fit = "contain"
    """How a picture of another shape meets its place: whole, filling it with the rest cut away, or
    distorted."""

    @model_validator(mode="after")
    def _not_empty(self) -> _Several:
        if not self.images and not self.own:
            raise Contradiction("there is no picture: give images, or leave out own", "images", "own")
        return self

    @abstractmethod
    def place(self, width: int, height: int) -> tuple[int, int] | None:
        """What each picture is fitted to, in pixels, for a step's picture of this true size; it may be 0 × 0
        where that is not known, and the place then is None."""

    def needs(self) -> frozenset[str]:
        return frozenset(self.images)

    def shrink(self, width: int, height: int) -> float:
        found = shrunk_by((width, height), self.place(width, height), self.fit)
        return min(found, gcd(width, height, 16))

    def reference_size(self, width: int, height: int) -> tuple[int, int]:
        place = self.place(0, 0)
        scaled = fitted_size((width, height), place, self.fit) if place else (width, height)
        return scaled if scaled[0] <= width and scaled[1] <= height else (width, height)

    def pictures(self, image: pyvips.Image, context: Context) -> list[Shown]:
        """All frames of all pictures, with red, green and blue and of one depth."""
        size = context.size if context.size[0] else frame_size(image)
        found = shown(image, size) if self.own else []
        for reference in self.images:
            if reference not in context.assets:
                raise ImageError("invalid", f"there is no picture {reference!r}", step=context.step)
            picture = context.assets[reference]
            found += shown(picture, frame_size(picture))
        if any(one.frame.format == "ushort" for one in found):
            return [replace(one, frame=deep(one.frame)) for one in found]
        return found

    def counted(self, given: Outline, others: Mapping[str, Outline]) -> int | None:
        """How many frames all pictures have, as far as that is known."""
        frames = [given.frames] if self.own else []
        frames += [others[name].frames if name in others else 1 for name in self.images]
        known = [count for count in frames if count is not None]
        return sum(known) if len(known) == len(frames) else None

    def depth(self, given: Outline, others: Mapping[str, Outline]) -> int | None:
        """Bits a channel of the result, as far as they are known."""
        depths = {given.depth} if self.own else set()
        depths |= {others[name].depth if name in others else None for name in self.images}
        if 16 in depths:
            return 16
        return None if None in depths else 8


class ContactSheet(_Several):
    """Lay pictures out in rows of equal cells; of an animation each frame has a cell."""

    action = "contact_sheet"

    columns: int | None = Field(default=None, ge=1, le=100)
    """Cells in a row; by default as many as there are rows, or one more."""
    width: int = Field(default=256, ge=1, le=MAX_CELL)
    """Width of a cell in pixels."""
    height: int = Field(default=256, ge=1, le=MAX_CELL)
    """Height of a cell in pixels, without its caption."""
    gap: int = Field(default=8, ge=0, le=1000)
    """Pixels between the cells and around them."""
    background: Color = "white"
    """What shows between the cells, around pictures of another shape, and through them."""
    captions: Annotated[
        tuple[Annotated[str, Field(max_length=200), AfterValidator(printable)], ...],
        Field(strict=False, max_length=200),
    ] = ()
    """A line below each cell in turn, cut off where it is too long; `""` leaves one out."""
    font: FontName = "Noto Sans"
    """The captions' font."""
    size: float = Field(default=16, ge=4, le=200)
    """Height of the captions' type in pixels."""
    color: Color = "black"
    """The captions' colour."""

    @property
    def _band(self) -> int:
        """Pixels below each cell for its caption."""
        return ceil(self.size * LINE_HEIGHT) if self.captions else 0

    def place(self, width: int, height: int) -> tuple[int, int]:
        return self.width, self.height

    def target(self, width: int, height: int) -> tuple[int, int]:
        return self._sheet(self.own + len(self.images))

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        cells = self.counted(given, others)
        if cells is None:
            return replace(given, frames=1, alpha=None, color=True, depth=None)
        width, height = self._sheet(cells)
        return replace(
            given,
            widths=(width, width),
            heights=(height, height),
            frames=1,
            alpha=rgba(self.background)[3] < 255,
            color=True,
            depth=self.depth(given, others),
        )

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        import pyvips

        found = self.pictures(image, context)
        if len(self.captions) > len(found):
            message = f"there are {len(self.captions)} captions for {len(found)} pictures"
            raise ImageError("invalid", message, step=context.step)
        cells = [
            with_alpha(one.fitted((self.width, self.height), self.fit)).embed(
                0, 0, self.width, self.height + self._band
            )
            for one in found
        ]
        for index, caption in enumerate(self.captions):
            cells[index] = self._captioned(cells[index], caption)
        columns = self._columns(len(cells))
        sheet = pyvips.Image.arrayjoin(cells, across=columns, shim=self.gap)
        # It fills up the last row, but with no frame around.
        sheet = sheet.embed(self.gap, self.gap, *self._sheet(len(cells))).copy(
            interpretation=cells[0].interpretation
        )
        return on_ground(sheet, self.background)

    def _columns(self, cells: int) -> int:
        return self.columns or isqrt(cells - 1) + 1

    def _sheet(self, cells: int) -> tuple[int, int]:
        """Width and height in pixels of so many cells."""
        columns = self._columns(cells)
        rows = -(-cells // columns)
        return (
            columns * (self.width + self.gap) + self.gap,
            rows * (self.height + self._band + self.gap) + self.gap,
        )

    def _captioned(self, cell: pyvips.Image, caption: str) -> pyvips.Image:
        line = self._line(caption)
        if line is None:
            return cell
        red, green, blue, alpha = rgba(self.color)
        ink = line.new_from_image([red, green, blue]).bandjoin((line * (alpha / 255)).rint()).cast("uchar")
        ink = ink.copy(interpretation="srgb")
        ink = deep(ink) if cell.format == "ushort" else ink
        return cell.insert(ink, (self.width - line.width) // 2, self.height + line.yoffset)

    def _line(self, caption: str) -> pyvips.Image | None:
        """As much of a caption as a cell is wide, or nothing."""
        import pyvips

        caption = " ".join(caption.split())
        whole, end = len(caption), ""
        while caption:
            try:
                line = lettering(escape(caption + end, quote=False), self.font, self.size, dpi=72)
            except pyvips.Error:
                return None
            if line.width <= self.width:
                return line
            caption = caption[: min(len(caption) - 1, whole * self.width // line.width)].rstrip()
            whole, end = len(caption), "…"
        return None


class Animate(_Several):
    """Show pictures one after the other; of an animation each frame is one.

    It is written as WebP unless another format is given.
    """

    action = "animate"
    moves = True

    width: Length | None = None
    """Width of the animation in pixels, or as a percentage of the width of the picture that the step takes,
    which is the default; it follows a given height."""
    height: Length | None = None
    """Height of the animation, as its width is given."""
    background: Color = "transparent"
    """What shows around pictures of another shape, and through them."""
    delay: Milliseconds | Annotated[tuple[Milliseconds, ...], Field(strict=False, min_length=1)] | None = None
    """Milliseconds that each frame is shown, in GIF to the nearest 10: one number, or one for each. By
    default those of animations as they were, and 500."""
    loop: int = Field(default=0, ge=0, le=65535)
    """How often it is shown, 0 for ever."""

    def place(self, width: int, height: int) -> tuple[int, int] | None:
        absolute = isinstance(self.width, int) and isinstance(self.height, int)
        return self.target(width, height) if width or absolute else None

    def target(self, width: int, height: int) -> tuple[int, int]:
        across = pixels(self.width, width) if self.width is not None else None
        down = pixels(self.height, height) if self.height is not None else None
        if across is None and down is None:
            return width, height
        if across is None:
            assert down is not None
            return max(1, round(width * down / height)), down
        return across, down if down is not None else max(1, round(height * across / width))

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        made = given.resized(self.target)
        alpha = None if rgba(self.background)[3] < 255 else False
        frames, depth = self.counted(given, others), self.depth(given, others)
        return replace(made, frames=frames, alpha=alpha, color=True, depth=depth)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        import pyvips

        place = self.target(*(context.size if context.size[0] else frame_size(image)))
        found = self.pictures(image, context)
        delays = self._delays(found, context)
        frames = [one.fitted(place, self.fit) for one in found]
        if any(frame.hasalpha() for frame in frames):
            frames = [on_ground(with_alpha(frame), self.background) for frame in frames]
        strip = strip_of(frames).copy()
        strip.set_type(pyvips.GValue.array_int_type, DELAYS, delays)
        strip.set_type(pyvips.GValue.gint_type, LOOP, self.loop)
        return strip

    def _delays(self, found: Sequence[Shown], context: Context) -> list[int]:
        if self.delay is None:
            return [DEFAULT_DELAY if one.delay is None else one.delay for one in found]
        if isinstance(self.delay, int):
            return [self.delay] * len(found)
        if len(self.delay) != len(found):
            message = f"there are {len(self.delay)} delays for {len(found)} frames"
            raise ImageError("invalid", message, step=context.step)
        return list(self.delay)


OPERATIONS = [ContactSheet, Animate]
