"""JPEG XL (ISO/IEC 18181), which pillow-jxl-plugin decodes through libjxl: 8 bits, and 16 in grey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyvips
from pillow_jxl import Decoder

from pixelflow.domain.errors import ImageError
from pixelflow.imaging.decoders.boxes import boxes
from pixelflow.imaging.decoders.exif import upright
from pixelflow.imaging.decoders.jxl_header import Header, parse
from pixelflow.imaging.decoders.opened import Opened, judged, space
from pixelflow.imaging.limits import check_picture

if TYPE_CHECKING:
    from mmap import mmap

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.decoders.view import View

_BARE = b"\xff\x0a"
_HEADER_BYTES = 4096
"""How much of the codestream its headers are looked for in; a name of a channel can be long."""
_CODESTREAM, _EXIF, _XMP = b"jxlc", b"Exif", b"xml "
_DEPTHS = {"I;16": 16}
_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "I;16": 1}


def jxl(data: mmap, limits: ImageLimits, _: View) -> Opened:
    """Raises ImageError, as ``unsupported`` for an animation and for floating point."""
    with judged("jxl"):
        beside = {} if data[:2] == _BARE else _boxes(data)
        header = parse(data[:_HEADER_BYTES] if data[:2] == _BARE else beside[_CODESTREAM][:_HEADER_BYTES])
        check_picture(header.width, header.height, limits, bands=header.bands)
        if header.animated:
            raise ImageError("unsupported", "the jxl file is an animation; only stills are read")
        # The decoder cannot stop at the header, and what it makes is needed in nearly every case.
        from_jpeg, found, pixels, profile, *_rest = Decoder(num_threads=0)(bytes(data))
        if from_jpeg:
            return _repacked(pixels, header)
        if found.mode not in _CHANNELS:
            raise ImageError("unsupported", f"the jxl file has {found.mode} pixels, which are not read")
        size, channels, depth = (found.width, found.height), _CHANNELS[found.mode], _DEPTHS.get(found.mode, 8)
        turned = header.orientation > 4
        if size != ((header.height, header.width) if turned else (header.width, header.height)):
            raise ImageError("corrupt", "the jxl file is truncated or damaged (its sizes disagree)")
    image = pyvips.Image.new_from_memory(pixels, *size, channels, "ushort" if depth == 16 else "uchar")
    image = image.copy(interpretation=space(depth, channels))
    # libjxl has turned it, so that an orientation in the EXIF says nothing any more.
    return Opened(
        *size,
        channels,
        lambda _: image,
        depth=depth,
        profile=profile or None,
        exif=upright(_tiff(beside[_EXIF])) if _EXIF in beside else None,
        xmp=beside.get(_XMP),
    )


def _tiff(box: bytes) -> bytes:
    """EXIF after the four bytes that say where it begins, which some writers leave out."""
    return box if box[:4] in {b"II*\0", b"MM\0*"} else box[4:]


def _repacked(file: bytes, header: Header) -> Opened:
    """A JPEG that was packed without loss: it is unpacked, then decoded as what it was."""

    def read(_: bool) -> pyvips.Image:
        with judged("jxl"):
            return pyvips.Image.jpegload_buffer(file, fail_on="error").copy_memory()

    head = pyvips.Image.jpegload_buffer(file, fail_on="error")
    if (head.width, head.height) != (header.width, header.height):
        raise ImageError("corrupt", "the jxl file is truncated or damaged (its sizes disagree)")
    return Opened(head.width, head.height, head.bands, read, orientation=header.orientation)


def _boxes(data: mmap) -> dict[bytes, bytes]:
    """The codestream and what lies beside it (ISO/IEC 18181-2); raises ImageError for one cut off."""
    found: dict[bytes, bytes] = {}
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"jxlc":
            found.setdefault(_CODESTREAM, data[start : min(end, start + _HEADER_BYTES)])
        elif kind == b"jxlp":  # a part, after its number
            begun = found.get(_CODESTREAM, b"")
            found[_CODESTREAM] = begun + data[start + 4 : min(end, start + 4 + _HEADER_BYTES - len(begun))]
        elif kind in {_EXIF, _XMP}:
            found.setdefault(kind, data[start:end])
    return found
