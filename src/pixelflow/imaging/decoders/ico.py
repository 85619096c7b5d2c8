"""ICO: of the pictures in it the largest, which is a PNG or a BMP without its file header."""

from __future__ import annotations

from io import BytesIO
from struct import pack, unpack_from
from typing import TYPE_CHECKING

import pyvips
from PIL import IcoImagePlugin

from pixelflow.domain.errors import ImageError
from pixelflow.imaging.decoders.opened import Opened, judged
from pixelflow.imaging.decoders.pillow import as_vips
from pixelflow.imaging.limits import check_picture

if TYPE_CHECKING:
    from mmap import mmap

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.decoders.view import View

MAX_ENTRIES = 1_000
"""Pictures in one file that are looked at."""
_PNG = b"\x89PNG\r\n\x1a\n"
_ENTRY = "<BBBBHHII"
_HEADER_BYTES = 22


def ico(data: mmap, limits: ImageLimits, _: View) -> Opened:
    """The one with the most pixels, then the most colours; raises ImageError."""
    with judged("ico"):
        (count,) = unpack_from("<H", data, 4)
        entries = [unpack_from(_ENTRY, data, 6 + 16 * index) for index in range(min(count, MAX_ENTRIES))]
        best = max(entries, key=lambda entry: ((entry[0] or 256) * (entry[1] or 256), entry[5]))
        size, offset = best[-2:]
        content = data[offset : offset + size]
        if len(content) < size:
            raise ImageError("corrupt", "the ico file is truncated or damaged (a picture in it is cut off)")
        return _png(content, limits) if content.startswith(_PNG) else _bmp(content, limits)


def _png(content: bytes, limits: ImageLimits) -> Opened:
    head = pyvips.Image.pngload_buffer(content, fail_on="error")
    check_picture(head.width, head.height, limits, bands=head.bands)

    def read(_: bool) -> pyvips.Image:
        with judged("ico"):
            return pyvips.Image.pngload_buffer(content, fail_on="error").copy_memory()

    return Opened(head.width, head.height, head.bands, read, depth=16 if head.format == "ushort" else 8)


def _bmp(content: bytes, limits: ImageLimits) -> Opened:
    # The directory may lie about sizes and colours; half of the height here is the mask's.
    width, twice, planes, depth = unpack_from("<iiHH", content, 4)
    height = twice // 2
    check_picture(max(0, width), max(0, height), limits, bands=4)
    if min(width, height) < 1:
        raise ImageError("corrupt", f"the ico file is truncated or damaged ({width} × {height} pixels)")
    entry = pack(_ENTRY, width % 256, height % 256, 0, 0, planes, depth, len(content), _HEADER_BYTES)
    alone = b"\0\0\1\0\1\0" + entry + content

    def read(_: bool) -> pyvips.Image:
        with judged("ico"):
            picture = IcoImagePlugin.IcoFile(BytesIO(alone)).frame(0)
            picture.load()
            return as_vips(picture)

    return Opened(width, height, 4, read)
