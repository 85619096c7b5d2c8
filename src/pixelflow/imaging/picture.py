"""An image on its way through a pipeline, evaluated at most once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyvips
from PIL import Image

from pixelflow.imaging import srgb
from pixelflow.operations.resampling import Size, resample, scaled

if TYPE_CHECKING:
    from collections.abc import Callable

SETTLED_PIXELS = 2_000_000
"""A result of more pixels than this that is used once stays lazy: it never lies whole beside its source."""

SMALL_PIXELS = 100_000
"""Up to here Pillow scales in less time than libvips needs to begin."""

_MODE = {1: "L", 3: "RGB", 4: "RGBA"}
_SPACE = {1: "b-w", 3: "srgb", 4: "srgb"}


@dataclass(frozen=True, slots=True)
class Pixels:
    """8-bit grey, RGB or RGBA of one frame in memory, rows top to bottom, channels interleaved."""

    held: Any
    """Whatever has them: bytes, an array, or the image that Pillow made."""
    width: int
    height: int
    bands: int

    @property
    def data(self) -> Any:
        """A buffer of them."""
        return self.held.tobytes() if isinstance(self.held, Image.Image) else self.held

    @property
    def image(self) -> pyvips.Image:
        """As libvips sees it, which keeps the buffer."""
        image = pyvips.Image.new_from_memory(self.data, self.width, self.height, self.bands, "uchar")
        return image.copy(interpretation=_SPACE[self.bands])

    @property
    def pillow(self) -> Image.Image:
        """As Pillow sees it."""
        if isinstance(self.held, Image.Image):
            return self.held
        mode = _MODE[self.bands]
        return Image.frombuffer(mode, (self.width, self.height), self.held, "raw", mode, 0, 1)

    def scaled(self, width: int, height: int, filled: Size | None = None) -> Pixels:
        """At exactly this size in pixels, evaluated; ``filled`` is as in ``Picture``. Raises pyvips.Error."""
        if (width, height) == (self.width, self.height):
            return self
        if self.bands < 4 and self.width * self.height <= SMALL_PIXELS:
            box = (0, 0, *(filled or (self.width, self.height)))
            small = self.pillow.resize((width, height), Image.Resampling.LANCZOS, box)
            return Pixels(small, width, height, self.bands)
        if self.bands == 4:
            image = resample(self.image, width, height, filled=filled)
        else:
            whole = pyvips.Image.new_from_memory(self.data, self.width, self.height, self.bands, "uchar")
            image = scaled(whole, width, height, filled=filled)
        return Pixels(image.write_to_memory(), width, height, self.bands)


class Picture:
    """A libvips image or plain pixels, and what is known of it.

    ``size`` is the true width and height of one frame in pixels: the image may be smaller when it was shrunk
    while it was decoded, and ``filled`` is then how much of it the picture truly fills, as in
    ``resampling.scaled``. ``unfinished`` is what the source still needs to be upright and in sRGB, which is
    cheaper done to a scaled result; ``turns`` says that it turns or mirrors the picture, whose partly filled
    edge is then another one. ``lazy`` says that no pixel was computed yet, ``once`` that it can only be read
    once, from its top.
    """

    __slots__ = ("_image", "filled", "lazy", "once", "pixels", "size", "turns", "unfinished")

    def __init__(
        self,
        content: pyvips.Image | Pixels,
        size: tuple[int, int],
        unfinished: Callable[[pyvips.Image], pyvips.Image] | None = None,
        *,
        filled: Size | None = None,
        turns: bool = False,
        lazy: bool = False,
        once: bool = False,
    ) -> None:
        self.pixels = content if isinstance(content, Pixels) else None
        self._image = None if isinstance(content, Pixels) else content
        self.size = size
        self.unfinished = unfinished
        self.filled = filled
        self.turns = turns
        self.lazy = lazy
        self.once = once

    @property
    def image(self) -> pyvips.Image:
        """As libvips sees it."""
        if self._image is None:
            assert self.pixels is not None
            self._image = self.pixels.image
        return self._image

    def finish(self) -> None:
        """Make it upright and sRGB for steps that look at more than its scale; raises pyvips.Error."""
        if self.unfinished is not None:
            before, self._image = self.image, self.unfinished(self.image)
            self.unfinished = None
            if self._image is not before:
                self.pixels = None
                self.filled = None if self.turns else self.filled
                # A turned one is a view of memory, and as cheap to read as to copy.
                self._image = self._image if self.once or self.turns else self._image.copy_memory()

    def converted(self) -> Picture:
        """In sRGB, even where its own colours were left to it; evaluated. Raises pyvips.Error."""
        if self.pixels is not None or not srgb.native(self.image):
            return self
        return Picture(srgb.convert(self.image).copy_memory(), self.size)

    def release(self) -> None:
        """Let go of the pixels: whoever still needs them holds them."""
        self.pixels = self._image = None


def settled(image: pyvips.Image, *, metadata: bool) -> pyvips.Image | Pixels:
    """The image evaluated into memory, down to its pixels if nothing else is to be carried on.

    Raises pyvips.Error.
    """
    width, height, bands = image.width, image.height, image.bands
    plain = (
        not metadata
        and image.format == "uchar"
        and image.interpretation == _SPACE.get(bands)
        and image.get_page_height() == height
    )
    return Pixels(image.write_to_memory(), width, height, bands) if plain else image.copy_memory()
