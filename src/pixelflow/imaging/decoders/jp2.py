"""JPEG 2000 (ISO/IEC 15444-1), which Pillow decodes through OpenJPEG."""

from __future__ import annotations

from io import BytesIO
from struct import unpack_from
from typing import TYPE_CHECKING

from PIL import Jpeg2KImagePlugin

from pixelflow.domain.errors import ImageError
from pixelflow.imaging.decoders.boxes import boxes
from pixelflow.imaging.decoders.opened import Opened, judged
from pixelflow.imaging.decoders.pillow import bands, decoded
from pixelflow.imaging.limits import check_picture

if TYPE_CHECKING:
    from mmap import mmap

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.decoders.view import View

_START = b"\xff\x4f\xff\x51"
"""A codestream's first marker and that of its sizes (A.4.1, A.5.1)."""
_END = b"\xff\xd9"
_RESTRICTED_PROFILE = 2


def jp2(data: mmap, limits: ImageLimits, _: View) -> Opened:
    """A file, or a bare codestream; 16 bits are kept for grey alone. Raises ImageError."""
    with judged("jp2"):
        start, end, profile = (0, len(data), None) if data[:4] == _START else _codestream(data)
        if data[start : start + 4] != _START:
            raise ImageError("corrupt", "the jp2 file is truncated or damaged (no codestream)")
        # What is allocated goes by these sizes, whatever the file around them says.
        right, bottom, left, top = unpack_from(">4I", data, start + 8)
        (components,) = unpack_from(">H", data, start + 40)
        width, height = right - left, bottom - top
        check_picture(max(0, width), max(0, height), limits, bands=components)
        # OpenJPEG takes what it gets of a codestream that was cut off.
        if data[max(start, end - 2) : end] != _END:
            raise ImageError("corrupt", "the jp2 file is truncated or damaged (its codestream does not end)")
        picture = Jpeg2KImagePlugin.Jpeg2KImageFile(BytesIO(data))
        if picture.size != (width, height):
            raise ImageError("corrupt", "the jp2 file is truncated or damaged (it has two different sizes)")
        depth = 16 if picture.mode == "I;16" else 8
        return Opened(
            width, height, bands(picture), lambda _: decoded(picture, "jp2"), depth=depth, profile=profile
        )


def _codestream(data: mmap) -> tuple[int, int, bytes | None]:
    """Where the first codestream begins and ends, and the profile before it."""
    profile = None
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"jp2h":
            for inner, at, until in boxes(data, start, end):
                if inner == b"colr" and data[at] == _RESTRICTED_PROFILE:
                    profile = data[at + 3 : until]
        elif kind == b"jp2c":
            return start, end, profile
    raise ImageError("corrupt", "the jp2 file is truncated or damaged (no codestream)")
