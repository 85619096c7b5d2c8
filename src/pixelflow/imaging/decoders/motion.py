"""Animations that libvips reads the first frame of: AVIF sequences and APNG, which Pillow decodes."""

from __future__ import annotations

from io import BytesIO
from struct import unpack_from
from typing import TYPE_CHECKING

import numpy as np
import pyvips
from PIL import AvifImagePlugin, PngImagePlugin

from pixelflow.domain.errors import ImageError
from pixelflow.imaging.decoders.exif import upright
from pixelflow.imaging.decoders.opened import Opened, judged, space
from pixelflow.imaging.decoders.pillow import bands
from pixelflow.imaging.limits import check_picture
from pixelflow.operations.frames import PAGE_HEIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from mmap import mmap

    from PIL import Image

    from pixelflow.domain.limits import ImageLimits

MAX_CHUNKS = 1_000
"""Chunks before the pixels of a PNG that are looked at for those of an animation."""
_SEQUENCE = b"avis"
_ORIENTATION = 0x0112

AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def is_sequence(data: mmap) -> bool:
    """Whether an AVIF is first of all a sequence, by its major brand, as libavif has it."""
    return data[8:12] == _SEQUENCE


def avif(data: mmap, limits: ImageLimits) -> Opened:
    """A sequence, 8 bits a channel; raises ImageError."""
    with judged("avif"):
        picture = AvifImagePlugin.AvifImageFile(BytesIO(data))
        frames, channels = picture.n_frames, bands(picture)
        check_picture(*picture.size, limits, frames=frames, bands=channels)
        orientation = int(picture.getexif().get(_ORIENTATION, 1))
        exif = picture.info.get("exif")

    def read(animated: bool) -> pyvips.Image:
        with judged("avif"):
            return strip(picture, range(frames if animated else 1), channels)

    return Opened(
        *picture.size,
        channels,
        read,
        frames=frames,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        profile=picture.info.get("icc_profile"),
        exif=upright(exif) if exif else None,
        xmp=picture.info.get("xmp"),
    )


def played(file: bytes, kind: str) -> pyvips.Image:
    """All frames of an AVIF or APNG that was written here."""
    reader = AvifImagePlugin.AvifImageFile if kind == "avif" else PngImagePlugin.PngImageFile
    picture = reader(BytesIO(file))
    return strip(picture, range(picture.n_frames), bands(picture))


def apng_frames(data: mmap) -> int:
    """How many frames a PNG announces (PNG, third edition, 11.3.6.1); 1 for one that is no animation."""
    at = 8
    for _ in range(MAX_CHUNKS):
        if at + 12 > len(data):
            return 1
        size, kind = unpack_from(">I4s", data, at)
        if kind == b"acTL" and at + 16 <= len(data):
            (frames,) = unpack_from(">I", data, at + 8)
            return int(frames)
        if kind == b"IDAT":
            return 1
        at += 12 + size
    return 1


def apng(data: mmap, frames: int, limits: ImageLimits) -> Opened:
    """The animation in a PNG, 8 bits a channel; raises ImageError."""
    with judged("png"):
        picture = PngImagePlugin.PngImageFile(BytesIO(data))
        check_picture(*picture.size, limits, frames=frames, bands=4)
        # The picture for readers that know no animation need not be its first frame.
        first = 1 if picture.default_image else 0

    def read(_: bool) -> pyvips.Image:
        with judged("png"):
            return strip(picture, range(first, first + frames), 4)

    return Opened(*picture.size, 4, read, frames=frames, profile=picture.info.get("icc_profile"))


def strip(picture: Image.Image, frames: Sequence[int], channels: int) -> pyvips.Image:
    """These frames below each other, with their delays in milliseconds."""
    width, height = picture.size
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    rows = np.empty((len(frames), height, width, channels), np.uint8)
    delays = []
    for index, frame in enumerate(frames):
        picture.seek(frame)
        picture.load()
        if picture.size != (width, height):
            raise ImageError("corrupt", "a frame of the animation has another size than the first")
        shown = picture if picture.mode == mode else picture.convert(mode)
        rows[index] = np.asarray(shown).reshape(height, width, channels)
        delays.append(min(65_535, max(0, round(float(picture.info.get("duration", 0))))))
    image = pyvips.Image.new_from_memory(rows, width, height * len(frames), channels, "uchar")
    image = image.copy(interpretation=space(8, channels))
    if len(frames) > 1:
        image.set_type(pyvips.GValue.gint_type, PAGE_HEIGHT, height)
        image.set_type(pyvips.GValue.array_int_type, "delay", delays)
        image.set_type(pyvips.GValue.gint_type, "loop", min(65_535, int(picture.info.get("loop", 0))))
    return image
