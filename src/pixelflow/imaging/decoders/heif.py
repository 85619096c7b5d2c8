"""HEIC (ISO/IEC 23008-12 with HEVC), which pillow-heif decodes through libheif."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pillow_heif
import pyvips

from pixelflow.domain.errors import ImageError
from pixelflow.imaging.decoders.exif import upright
from pixelflow.imaging.decoders.opened import Opened, judged, space
from pixelflow.imaging.limits import check_picture

if TYPE_CHECKING:
    from mmap import mmap

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.decoders.view import View

_CHANNELS = {"L": 1, "LA": 2, "La": 2, "RGB": 3, "RGBA": 4, "RGBa": 4, "I": 1}

pillow_heif.options.DECODE_THREADS = 1
pillow_heif.options.THUMBNAILS = False
pillow_heif.options.DEPTH_IMAGES = False
pillow_heif.options.AUX_IMAGES = False


def heic(data: mmap, limits: ImageLimits, _: View) -> Opened:
    """The primary picture, already turned as the file says; 10 and 12 bits become 16. Raises ImageError."""
    with judged("heic"):
        file = pillow_heif.open_heif(bytes(data), convert_hdr_to_8bit=False)
        found = file[file.primary_index]
        width, height = found.size
        name, *wide = found.mode.split(";")
        channels, depth = _CHANNELS[name], 16 if wide else 8
        check_picture(width, height, limits, bands=channels)

        def read(_: bool) -> pyvips.Image:
            with judged("heic"):
                pixels = found.data
            if len(pixels) != width * height * channels * depth // 8:
                raise ImageError("corrupt", "the heic file is truncated or damaged (its sizes disagree)")
            image = pyvips.Image.new_from_memory(
                pixels, width, height, channels, "ushort" if depth == 16 else "uchar"
            ).copy(interpretation=space(depth, channels))
            return image.unpremultiply().cast(image.format) if name.endswith("a") else image

        return Opened(
            width,
            height,
            channels,
            read,
            depth=depth,
            profile=found.info.get("icc_profile"),
            # libheif has turned it.
            exif=upright(found.info["exif"]) if found.info.get("exif") else None,
            xmp=found.info.get("xmp"),
        )
