"""What looks at a pixel's neighbours."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pixelflow.operations.base import Context, Operation
from pixelflow.operations.colors import rounded
from pixelflow.operations.frames import each_frame
from pixelflow.operations.gaussian import blurred, looks_far
from pixelflow.operations.opacity import weighed
from pixelflow.operations.surface import ceiling, with_alpha_apart

if TYPE_CHECKING:
    import pyvips


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError("an even number has no middle")
    return size


def _rows(kernel: object) -> object:
    """Other tools' flat list as rows; anything else as it is."""
    if not isinstance(kernel, list) or not kernel or any(isinstance(row, list) for row in kernel):
        return kernel
    side = isqrt(len(kernel))
    if side * side != len(kernel):
        return kernel
    return [kernel[start : start + side] for start in range(0, len(kernel), side)]


def _square(kernel: list[list[float]]) -> list[list[float]]:
    if len(kernel) % 2 == 0 or any(len(row) != len(kernel) for row in kernel):
        raise ValueError("it is no square of 1, 3, 5 or 7 rows")
    return kernel


Weight = Annotated[float, Field(ge=-1000, le=1000)]
Kernel = Annotated[
    list[Annotated[list[Weight], Field(max_length=7)]],
    Field(max_length=7),
    AfterValidator(_square),
    BeforeValidator(_rows),
]


class Blur(Operation):
    """Blur with a Gaussian; transparent pixels lend no colour to their neighbours."""

    action = "blur"
    family = "filters"
    streams = True

    sigma: float = Field(default=3, ge=0.3, le=250)
    """Standard deviation in pixels."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return each_frame(image, lambda frame: blurred(frame, self.sigma))


class Sharpen(Operation):
    """Sharpen lightness, leaving colour and alpha alone."""

    action = "sharpen"
    family = "filters"
    streams = True

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


class Unsharp(Operation):
    """Add to each colour what sets it apart from its blurred surroundings; alpha stays."""

    action = "unsharp"
    family = "filters"
    streams = True

    sigma: float = Field(default=1, ge=0.3, le=250)
    """Standard deviation of the Gaussian blur in pixels: the size of what is sharpened."""
    amount: float = Field(default=1, ge=0, le=10)
    """What the difference is multiplied by."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        # It is read beside its blur, which a streaming decoder can do within its rows alone.
        image = image.copy_memory() if looks_far(image, self.sigma) else image
        return each_frame(image, self._sharpened)

    def _sharpened(self, frame: pyvips.Image) -> pyvips.Image:
        around = blurred(frame, self.sigma)

        def parted(colors: pyvips.Image) -> pyvips.Image:
            apart = colors - around[: colors.bands]
            if self.amount == 1:  # whole numbers, which are faster
                return (colors + apart).cast(colors.format)
            return rounded(colors + apart * self.amount, colors.format)

        return with_alpha_apart(frame, parted)


class Pixelate(Operation):
    """Make squares of one colour each, the mean of the pixels there; those at the far edges may be cut."""

    action = "pixelate"
    family = "filters"
    streams = True

    size: int = Field(default=10, ge=2, le=500)
    """Side of a square in pixels."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return each_frame(image, lambda frame: pixelated(frame, self.size))


class Median(Operation):
    """Give each pixel the middle value of those around it, which takes specks out and keeps edges."""

    action = "median"
    family = "filters"
    streams = True

    size: Annotated[int, Field(ge=3, le=51), AfterValidator(_odd)] = 3
    """Side of the square that is looked at in pixels, an odd number."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return each_frame(image, lambda frame: weighed(frame, self._middle))

    def _middle(self, colors: pyvips.Image) -> pyvips.Image:
        size, width, height = self.size, colors.width, colors.height
        room = size if size > min(width, height) else 0
        if room:  # libvips ranks no window that is larger than the picture.
            colors = colors.embed(room, room, width + 2 * room, height + 2 * room, extend="copy")
        return colors.rank(size, size, size * size // 2).crop(room, room, width, height)


class Convolve(Operation):
    """Give each pixel the weighed sum of those around it.

    Alpha stays; a transparent neighbour counts as the pixel itself, and beyond an edge its pixels go on.
    """

    action = "convolve"
    family = "filters"
    streams = True

    kernel: Kernel
    """The weights as they lie over the picture, row by row: 1, 3, 5 or 7 rows of as many numbers each."""
    scale: float | None = Field(default=None, ge=0.001, le=1_000_000)
    """What the sum is divided by; left out, the sum of the weights, or 1 if that is not above 0."""
    offset: float = Field(default=0, ge=-255, le=255)
    """What is added at the end, where white is 255."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return each_frame(image, self._convolved)

    def _convolved(self, frame: pyvips.Image) -> pyvips.Image:
        import pyvips

        total = sum(map(sum, self.kernel))
        scale = self.scale or (total if total > 0 else 1.0)
        offset = self.offset * ceiling(frame) / 255
        mask = pyvips.Image.new_from_array(self.kernel, scale=scale, offset=offset)
        if not frame.hasalpha():
            return rounded(frame.conv(mask, precision="float"), frame.format)
        last = frame.bands - 1
        colors, alpha = frame[:last], frame[last]
        sums = frame.premultiply().conv(mask, precision="float")
        unseen = total / scale - (sums[last] - offset) / ceiling(frame)
        return rounded(sums[:last] + colors * unseen, frame.format).bandjoin(alpha)


def pixelated(frame: pyvips.Image, size: int) -> pyvips.Image:
    """One frame in squares of one colour each, ``size`` pixels wide; transparent pixels lend no colour."""
    means = weighed(frame, lambda colors: _means(_means(colors, size, "vertical"), size, "horizontal"))
    return means.copy_memory().zoom(size, size).crop(0, 0, frame.width, frame.height)


def _means(image: pyvips.Image, size: int, direction: Literal["horizontal", "vertical"]) -> pyvips.Image:
    """Means over so many pixels, the last over those that are left."""
    width, height = image.width, image.height
    side = width if direction == "horizontal" else height
    rest = side % size
    parts = []
    for start, length, count in ((0, side - rest, size), (side - rest, rest, rest)):
        if length and direction == "horizontal":
            # In 16 bits, as libvips 8.18.7 gets lines of 8 bits wrong where parts are joined.
            part = image.crop(start, 0, length, height).cast("ushort")
            parts.append(part.shrinkh(count).cast(image.format))
        elif length:
            parts.append(image.crop(0, start, width, length).shrinkv(count))
    return parts[0] if len(parts) == 1 else parts[0].join(parts[1], direction)


OPERATIONS = [Blur, Sharpen, Unsharp, Pixelate, Median, Convolve]
