"""HEIC, which pillow-heif writes through libheif and x265."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pillow_heif

from pixelflow.imaging.encoders.beside import beside
from pixelflow.operations.encoding import full_chroma

if TYPE_CHECKING:
    import pyvips

    from pixelflow.operations.encoding import Encoding

_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
"""x265's, by effort."""
_ONE_THREAD = {"x265:pools": "none", "x265:frame-threads": "1"}
_RGB_MATRIX = 0
"""Matrix coefficients (ITU-T H.273) that leave RGB as it is."""


def heic(image: pyvips.Image, options: Encoding, quality: int, keep: int, effort: int) -> bytes:
    """8 bits a channel, or of 16 those 10 or 12 that were asked for. Raises MemoryError."""
    if image.bands == 2:
        image = image.colourspace("rgb16" if image.format == "ushort" else "srgb")
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[image.bands] + (";16" if image.format == "ushort" else "")
    file = pillow_heif.from_bytes(mode, (image.width, image.height), bytes(image.write_to_memory()))
    blocks = beside(image, keep)
    if blocks.profile:
        file[0].info |= {"icc_profile": blocks.profile, "icc_profile_type": "prof"}
    chosen: dict[str, Any] = {"quality": quality, "chroma": 444 if full_chroma(options, quality) else 420}
    if options.lossless:
        chosen = {"quality": -1, "chroma": 444, "matrix_coefficients": _RGB_MATRIX}
    pillow_heif.options.SAVE_HDR_TO_12_BIT = options.bit_depth == 12
    out = BytesIO()
    parameters = {"preset": _PRESETS[effort], **_ONE_THREAD}
    file.save(out, enc_params=parameters, exif=blocks.exif, xmp=blocks.xmp, **chosen)
    return _whole(out.getvalue())


def _whole(made: bytes) -> bytes:
    """x265 without memory leaves the pixels out and says nothing; reading them takes a tenth of writing."""
    try:
        _ = pillow_heif.open_heif(made, convert_hdr_to_8bit=False)[0].data
    except Exception as error:
        raise MemoryError("x265 wrote a file without its pixels") from error
    return made
