"""JPEG straight through libjpeg-turbo: no libvips pipeline, no copy between the codec and the pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg

from pixelflow.imaging.picture import Pixels

if TYPE_CHECKING:
    from mmap import mmap


MAX_SEGMENTS = 2_000
"""Segments read before the picture; a file with more is left to libvips."""
MAX_SCANS = 100
"""Scans of a progressive file, as libvips has it: each costs a pass over all coefficients."""
HEADROOM = 2
"""What is left to the resampling kernel at least, so that it and not the transform decides the quality."""
NEAR_HEADROOM = 1.85
"""The same for a half-size decode of a large picture, where the kernel knows its true size: at 3.7 to 4 times
smaller this loses some 3 dB of 54 against decoding all of it, and saves a third of the time."""
NEAR_PIXELS = 1_000_000
"""What is large: below it there is next to nothing to save."""
EXACT_QUALITY = 85
"""From here on Pillow encodes: simplejpeg's fast transform costs 0.04 dB at 80, but 0.2 dB at 92."""
FACTORS = (8, 4, 2)
"""What the inverse transform can shrink by at no cost."""

_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Header:
    """What the segments before the pixels say; sides as stored, ``orientation`` as in EXIF (1–8)."""

    width: int
    height: int
    components: int
    progressive: bool
    orientation: int = 1
    profile: bytes | None = None


def read(data: mmap) -> Header | None:
    """The header of a common JPEG; ``None`` for one that libvips must judge: 12 bit, CMYK, broken."""
    at, orientation, end = 2, 1, len(data)
    profile: list[bytes] = []
    frame: tuple[int, int, int, bool] | None = None
    for _ in range(MAX_SEGMENTS):
        if at + 4 > end or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xDA:
            break
        if marker in _OTHER_FRAMES or 0xD0 <= marker <= 0xD9:
            return None
        body, length = at + 4, int.from_bytes(data[at + 2 : at + 4], "big")
        at += 2 + length
        if length < 2 or at > end:
            return None
        if marker in _FRAMES:
            if length < 8 or data[body] != 8:
                return None
            height, width = (
                int.from_bytes(data[body + 1 : body + 3], "big"),
                int.from_bytes(data[body + 3 : body + 5], "big"),
            )
            frame = width, height, data[body + 5], marker == 0xC2
        elif marker == 0xE1 and data[body : body + 6] == b"Exif\0\0":
            orientation = _orientation(data[body + 6 : at])
        elif marker == 0xE2 and data[body : body + 12] == b"ICC_PROFILE\0":
            profile.append(data[body + 12 : at])
    else:
        return None
    if frame is None or not frame[0] or not frame[1] or frame[2] not in {1, 3}:
        return None
    return Header(*frame, orientation, b"".join(part[2:] for part in sorted(profile)) or None)


def _orientation(exif: bytes) -> int:
    """The orientation in a TIFF structure's first directory; 1 when there is none or nonsense."""
    if exif[:4] not in {b"II*\0", b"MM\0*"}:
        return 1

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], "big" if exif[:1] == b"M" else "little")

    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * min(number(directory, 2), 200), 12):
        if number(entry, 2) == _ORIENTATION:
            found = number(entry + 8, 2)
            return found if 1 <= found <= 8 else 1
    return 1


def factor(shrink: float, *, near: bool = False) -> int:
    """By how much to shrink while decoding; ``near`` allows ``NEAR_HEADROOM`` instead of a full decode."""
    full = 2 if near and shrink >= NEAR_HEADROOM * 2 else 1
    return next((by for by in FACTORS if shrink >= HEADROOM * by), full)


def decode(data: mmap, header: Header, by: int) -> Pixels | None:
    """The picture as stored, shrunk by 1, 2, 4 or 8; ``None`` if libvips must judge the file."""
    if header.progressive and sum(1 for _ in re.finditer(rb"\xff\xda", data)) > MAX_SCANS:
        return None
    try:
        rows = simplejpeg.decode_jpeg(
            data,
            "RGB" if header.components == 3 else "GRAY",
            fastdct=False,
            fastupsample=False,
            min_height=-(-header.height // by),
            min_width=-(-header.width // by),
        )
    except ValueError:  # a warning of libjpeg, or a colour space that it does not convert
        return None
    height, width, bands = rows.shape
    return Pixels(rows, width, height, bands)


def encode(pixels: Pixels, quality: int, *, full_chroma: bool) -> bytes:
    """A baseline file from grey or RGB."""
    if quality >= EXACT_QUALITY:
        out = BytesIO()
        pixels.pillow.save(out, "JPEG", quality=quality, subsampling="4:4:4" if full_chroma else "4:2:0")
        return out.getvalue()
    rows = np.frombuffer(pixels.data, np.uint8).reshape(pixels.height, pixels.width, pixels.bands)
    made: bytes = simplejpeg.encode_jpeg(
        rows,
        quality=quality,
        colorspace="RGB" if pixels.bands == 3 else "GRAY",
        colorsubsampling="Gray" if pixels.bands == 1 else "444" if full_chroma else "420",
    )
    return made
