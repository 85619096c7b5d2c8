"""Animations as AVIF and APNG, which Pillow writes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from pixelflow.imaging.decoders.boxes import boxes
from pixelflow.imaging.encoders.beside import beside
from pixelflow.operations.encoding import full_chroma
from pixelflow.operations.frames import frame_size

if TYPE_CHECKING:
    import pyvips

    from pixelflow.operations.encoding import Encoding

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_SLOWEST = 9
MANY_PIXELS, FAST_EFFORT = 10_000_000, 2
"""An AVIF with more pixels than this in all its frames gets this effort unless another one is asked for: a
quarter of the time, at twice the bytes."""
_CONTAINERS, _DATED = frozenset({b"moov", b"trak", b"mdia"}), frozenset({b"mvhd", b"tkhd", b"mdhd"})
"""Boxes in which others are, and those that say when something was made and changed."""
DEFAULT_DELAY = 100
"""Milliseconds that a frame is shown unless the source tells."""


def avif(image: pyvips.Image, options: Encoding, quality: int, keep: int, effort: int) -> bytes:
    """A sequence that is played for ever: Pillow has no way to say how often."""
    if options.effort is None and image.width * image.height > MANY_PIXELS:
        effort = FAST_EFFORT
    full = options.lossless or full_chroma(options, quality)
    made = _written(
        image,
        "AVIF",
        keep,
        quality=100 if options.lossless else quality,
        subsampling="4:4:4" if full else "4:2:0",
        speed=_SLOWEST - effort,
        max_threads=1,
    )
    return _timeless(made)


def _timeless(file: bytes) -> bytes:
    """Without the moment at which it was written (ISO/IEC 14496-12, 8.2.2, 8.3.2, 8.4.2), so that the same
    comes out each time."""
    made = bytearray(file)

    def clear(start: int, end: int) -> None:
        for kind, at, until in boxes(file, start, end):
            if kind in _CONTAINERS:
                clear(at, until)
            elif kind in _DATED:
                size = 16 if file[at] == 1 else 8
                made[at + 4 : at + 4 + size] = bytes(size)

    clear(0, len(file))
    return bytes(made)


def apng(image: pyvips.Image, options: Encoding, quality: int, keep: int, effort: int) -> bytes:
    """Without loss; frames that are alike become one that is shown longer."""
    return _written(image, "PNG", keep, loop=image.get("loop") if image.get_typeof("loop") else 0)


def _written(image: pyvips.Image, form: str, keep: int, **options: Any) -> bytes:
    width, height = frame_size(image)
    mode = _MODES[image.bands]
    if form == "AVIF" and mode == "LA":
        image, mode = image.colourspace("srgb"), "RGBA"
    frames = np.frombuffer(image.write_to_memory(), np.uint8).reshape(-1, height, width, len(mode))
    first, *rest = (
        Image.frombuffer(mode, (width, height), frame.tobytes(), "raw", mode, 0, 1) for frame in frames
    )
    count = 1 + len(rest)
    delays = list(image.get("delay")) if image.get_typeof("delay") else []
    delays = [delay or DEFAULT_DELAY for delay in delays[:count]]
    delays += [delays[-1] if delays else DEFAULT_DELAY] * (count - len(delays))
    blocks = beside(image, keep)
    extra = {"exif": blocks.exif, "xmp": blocks.xmp, "icc_profile": blocks.profile}
    file = BytesIO()
    first.save(
        file,
        form,
        save_all=True,
        append_images=rest,
        duration=delays,
        **{name: block for name, block in extra.items() if block},
        **options,
    )
    return file.getvalue()
