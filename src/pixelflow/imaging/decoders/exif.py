"""EXIF of a file that libvips did not open, as libvips' own loaders would leave it on the image."""

from __future__ import annotations

import pyvips

_ORIENTATION = 0x0112
_MOST_BYTES = 65_000
"""What one segment of a JPEG has room for."""
_PREFIX = b"Exif\0\0"


def upright(exif: bytes) -> bytes:
    """The same with its orientation set to 1, where it tells one."""
    exif = exif.removeprefix(_PREFIX)
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(exif[:4])
    if order is None:
        return exif

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], "big" if order == "big" else "little")

    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * min(number(directory, 2), 200), 12):
        if number(entry, 2) == _ORIENTATION:
            value = b"\0\1" if order == "big" else b"\1\0"
            return exif[: entry + 8] + value + exif[entry + 10 :]
    return exif


def laid_on(image: pyvips.Image, exif: bytes) -> None:
    """Set the fields of the EXIF on an image that is not shared; what cannot be read is left out.

    libvips reads EXIF only while it loads a file, so that a JPEG of one pixel is made to carry it.
    """
    exif = exif.removeprefix(_PREFIX)
    if len(exif) > _MOST_BYTES:
        return
    segment = _PREFIX + exif
    pixel: bytes = pyvips.Image.black(1, 1).jpegsave_buffer()
    carrier = pixel[:2] + b"\xff\xe1" + (2 + len(segment)).to_bytes(2, "big") + segment + pixel[2:]
    head = pyvips.Image.jpegload_buffer(carrier)
    for field in head.get_fields():
        if field.startswith("exif-"):
            image.set_type(head.get_typeof(field), field, head.get(field))
