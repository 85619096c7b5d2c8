"""What goes into a file beside its pixels, for encoders that do not take it from libvips."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import pyvips
from PIL import JpegImagePlugin


@dataclass(frozen=True, slots=True)
class Beside:
    """Blocks as files carry them; ``exif`` begins with its TIFF header."""

    exif: bytes | None = None
    xmp: bytes | None = None
    profile: bytes | None = None


def beside(image: pyvips.Image, keep: int) -> Beside:
    """Those blocks that ``keep`` (VipsForeignKeep) lets through.

    libvips puts its EXIF fields together only while it saves: a blank JPEG of the same size, since the size
    is among them, is made to read them from.
    """
    if not keep:
        return Beside()
    grey = image.bands < 3
    blank = pyvips.Image.black(image.width, image.get_page_height(), bands=1 if grey else 3)
    blank = blank.copy(interpretation="b-w" if grey else "srgb")
    for field in image.get_fields():
        if field.startswith("exif-") or field in {"exif-data", "xmp-data", "icc-profile-data"}:
            blank.set_type(image.get_typeof(field), field, image.get(field))
    told = JpegImagePlugin.JpegImageFile(BytesIO(blank.jpegsave_buffer(keep=keep))).info
    exif: bytes | None = told.get("exif")
    return Beside(exif.removeprefix(b"Exif\0\0") if exif else None, told.get("xmp"), told.get("icc_profile"))
