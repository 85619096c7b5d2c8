"""What Pillow decodes: BMP, and its pictures as libvips sees them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pyvips
from PIL import BmpImagePlugin, Image

from pixelflow.imaging.decoders.opened import Opened, judged, space
from pixelflow.imaging.limits import check_picture

if TYPE_CHECKING:
    from mmap import mmap

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.decoders.view import View

_BANDS = {"L": 1, "LA": 2, "I;16": 1, "RGB": 3, "RGBA": 4, "CMYK": 4}


def bmp(data: mmap, limits: ImageLimits, _: View) -> Opened:
    """Raises ImageError."""
    with judged("bmp"):
        picture = BmpImagePlugin.BmpImageFile(BytesIO(data))
        check_picture(*picture.size, limits, bands=bands(picture))
        return Opened(*picture.size, bands(picture), lambda _: decoded(picture, "bmp"))


def bands(picture: Image.Image) -> int:
    """Channels that it has as ``as_vips`` makes them."""
    return _BANDS[_mode(picture)]


def decoded(picture: Image.Image, kind: str) -> pyvips.Image:
    """Its pixels in memory; raises ImageError."""
    with judged(kind):
        picture.load()
    return as_vips(picture)


def as_vips(picture: Image.Image) -> pyvips.Image:
    """A loaded picture as libvips sees it: a palette is resolved, one bit becomes eight."""
    mode = _mode(picture)
    if mode != picture.mode:
        picture = picture.convert(mode)
    depth = 16 if mode == "I;16" else 8
    image = pyvips.Image.new_from_memory(
        picture.tobytes(), *picture.size, _BANDS[mode], "ushort" if depth == 16 else "uchar"
    )
    return image.copy(interpretation="cmyk" if mode == "CMYK" else space(depth, _BANDS[mode]))


def _mode(picture: Image.Image) -> str:
    if picture.mode in _BANDS:
        return picture.mode
    if picture.mode.startswith("I;16"):
        return "I;16"
    if picture.has_transparency_data:
        return "RGBA"
    return "L" if picture.mode == "1" else "RGB"
