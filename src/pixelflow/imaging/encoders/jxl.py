"""JPEG XL, which pillow-jxl-plugin writes through libjxl: 8 bits a channel, without a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillow_jxl import Encoder

from pixelflow.imaging.encoders.beside import beside

if TYPE_CHECKING:
    import pyvips

    from pixelflow.operations.encoding import Encoding

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_LOSSLESS = 100
_OFFSET = bytes(4)
"""What stands before the EXIF in its box: how far from there it begins (ISO/IEC 18181-2)."""


def jxl(image: pyvips.Image, options: Encoding, quality: int, keep: int, effort: int) -> bytes:
    """In sRGB, or grey."""
    blocks = beside(image, keep)
    encode = Encoder(
        mode=_MODES[image.bands],
        lossless=options.lossless,
        quality=_LOSSLESS if options.lossless else quality,
        decoding_speed=0,
        effort=effort,
        use_container=bool(blocks.exif or blocks.xmp),
        use_original_profile=False,
        num_threads=0,
    )
    made: bytes = encode(
        bytes(image.write_to_memory()),
        image.width,
        image.height,
        jpeg_encode=False,
        exif=_OFFSET + blocks.exif if blocks.exif else None,
        jumb=None,
        xmp=blocks.xmp,
        compress=False,
    )
    return made
