"""An image on its way through a pipeline, evaluated at most once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyvips

PAGE_HEIGHT = "page-height"
KEEP = "pixelflow-keep"
"""libvips field that the ``metadata`` operation sets: which kinds of metadata are to be written, with commas between."""
SETTLED_PIXELS = 24_000_000
"""A result of more pixels than this stays lazy, so that it never lies in memory whole beside its source."""


class Picture:
    """A libvips image, and its pixels once they are in memory.

    ``size`` is the true width and height of one frame in pixels: the image may be smaller when it was shrunk while it was
    decoded. ``unfinished`` is what the source still needs, upright and in sRGB, which is cheaper done to a scaled result.
    """

    __slots__ = ("_metadata", "image", "pixels", "size", "unfinished")

    def __init__(
        self,
        image: pyvips.Image,
        size: tuple[int, int],
        *,
        metadata: bool,
        unfinished: Callable[[pyvips.Image], pyvips.Image] | None = None,
    ) -> None:
        self.image = image
        self.size = size
        self.pixels: Any = None
        self.unfinished = unfinished
        self._metadata = metadata

    def finish(self) -> None:
        """Make it upright and sRGB, in memory, for steps that look at more than its scale; raises pyvips.Error."""
        if self.unfinished is not None:
            before, self.image = self.image, self.unfinished(self.image)
            self.unfinished = None
            if self.image is not before:
                self.image = self.image.copy_memory()

    def settle(self) -> None:
        """Evaluate into memory; raises pyvips.Error."""
        if self.pixels is not None or self.image.width * self.image.height > SETTLED_PIXELS:
            return
        image = self.image
        if not self._plain():
            self.image = image.copy_memory()
            return
        self.pixels = image.write_to_memory()
        whole = pyvips.Image.new_from_memory(self.pixels, image.width, image.height, image.bands, "uchar")
        self.image = whole.copy(interpretation=image.interpretation)

    def _plain(self) -> bool:
        """Whether nothing but 8-bit grey, RGB or RGBA pixels of one frame has to be carried on."""
        image = self.image
        return (
            not self._metadata
            and image.format == "uchar"
            and image.interpretation == _PLAIN.get(image.bands)
            and image.get_page_height() == image.height
        )


_PLAIN = {1: "b-w", 3: "srgb", 4: "srgb"}
