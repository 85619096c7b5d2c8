"""A file that is known by its header and not decoded yet."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyvips

from pixelflow.domain.errors import ImageError
from pixelflow.imaging.decoders.exif import laid_on
from pixelflow.operations.profiles import PROFILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_GREY = {8: "b-w", 16: "grey16"}
_COLOUR = {8: "srgb", 16: "rgb16"}


@dataclass(frozen=True, slots=True)
class Opened:
    """What the header says: sides in pixels as stored, ``depth`` in bits a channel as decoded (8 or 16).

    ``read`` decodes the first frame or, told ``True``, all of them below each other with ``page-height``,
    ``delay`` and ``loop`` set; it raises ImageError (``corrupt``). ``orientation`` is EXIF's, 1–8.
    """

    width: int
    height: int
    bands: int
    read: Callable[[bool], pyvips.Image]
    frames: int = 1
    pages: int = 1
    orientation: int = 1
    depth: int = 8
    profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None

    def header(self) -> pyvips.Image:
        """The file as libvips would show it, for its metadata: the pixels are blank and never computed."""
        blank = pyvips.Image.black(self.width, self.height, bands=self.bands)
        blank = blank.cast("ushort" if self.depth == 16 else "uchar")
        blank = blank.copy(interpretation=space(self.depth, self.bands))
        if self.frames > 1:
            blank.set_type(pyvips.GValue.gint_type, "n-pages", self.frames)
        return self.dressed(blank)

    def dressed(self, image: pyvips.Image) -> pyvips.Image:
        """The decoded picture with what came beside its pixels."""
        image = image.copy()
        for field, content in (("xmp-data", self.xmp), (PROFILE, self.profile)):
            if content:
                image.set_type(pyvips.GValue.blob_type, field, content)
        if self.exif:
            laid_on(image, self.exif)
        return image


def space(depth: int, bands: int) -> str:
    """libvips' name for grey or sRGB of that many bits and channels."""
    return (_GREY if bands < 3 else _COLOUR)[depth]


@contextmanager
def judged(kind: str) -> Iterator[None]:
    """What a library complains of becomes one sentence: ImageError (``corrupt`` or ``unsupported``)."""
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except Exception as error:
        first = str(error).split("\n", 1)[0] or type(error).__name__
        said = "".join(c for c in first if c.isprintable())[:160]
        if "unsupported" in said.lower():
            sort = f"the {kind} file is of a sort that is not read ({said})"
            raise ImageError("unsupported", sort) from error
        raise ImageError("corrupt", f"the {kind} file is truncated or damaged ({said})") from error
