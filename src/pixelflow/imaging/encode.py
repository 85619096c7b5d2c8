"""Pixels to a file's bytes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pyvips
from PIL import Image as Pillow

from pixelflow.imaging import jpeg
from pixelflow.imaging.picture import KEEP, PAGE_HEIGHT, Picture
from pixelflow.operations.encoding import ALL_DEPTHS, DEFAULT_QUALITY, EFFORT, FULL_CHROMA_QUALITY, Encoding

if TYPE_CHECKING:
    from collections.abc import Callable

ANIMATED = frozenset({"gif", "webp"})
"""Formats that keep all frames; the others get the first."""
WHITE = [255, 255, 255]

_KEEP_FLAGS = {"exif": 1, "xmp": 2, "iptc": 4, "icc": 8}
"""VipsForeignKeep; copyright and whatever else lives in EXIF fields travels as ``exif``."""


def encode(picture: Picture, name: str, options: Encoding) -> bytes:
    """The file; transparency is laid on white where the format has none. Raises pyvips.Error."""
    quality = options.quality or DEFAULT_QUALITY.get(name, 0)
    if picture.pixels is not None and not (options.lossless or options.near_lossless or options.progressive):
        width, height, bands = picture.image.width, picture.image.height, picture.image.bands
        if name == "jpeg" and bands < 4:
            return jpeg.encode(
                picture.pixels, width, height, bands, quality, full_chroma=_full_chroma(options, quality)
            )
        if name == "webp":
            return _webp(picture.pixels, width, height, bands, quality, options)
    image = picture.image
    if name not in ANIMATED:
        image = _first_frame(image)
    if name == "jpeg" and image.hasalpha():
        white = [side * 257 for side in WHITE] if image.format == "ushort" else WHITE
        image = image.flatten(background=white[: image.bands - 1])
    image = _at_depth(image, name, options)
    made: bytes = getattr(image, f"{_SAVERS[name]}save_buffer")(
        keep=_keep(image), **_OPTIONS[name](image, options, quality)
    )
    return made


def _webp(pixels: Any, width: int, height: int, bands: int, quality: int, options: Encoding) -> bytes:
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[bands]
    out = BytesIO()
    Pillow.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1).save(
        out, "WEBP", quality=quality, method=_effort(options, "webp")
    )
    return out.getvalue()


def _full_chroma(options: Encoding, quality: int) -> bool:
    return options.chroma == "4:4:4" or (options.chroma == "auto" and quality >= FULL_CHROMA_QUALITY)


def _effort(options: Encoding, name: str) -> int:
    least, most, default = EFFORT[name]
    return default if options.effort is None else min(most, max(least, options.effort))


def _first_frame(image: pyvips.Image) -> pyvips.Image:
    height = image.get_page_height()
    if height < image.height:
        image = image.crop(0, 0, image.width, height)
    if image.get_typeof(PAGE_HEIGHT):
        image = image.copy()
        image.remove(PAGE_HEIGHT)
    return image


def _at_depth(image: pyvips.Image, name: str, options: Encoding) -> pyvips.Image:
    """16 bits a channel where the format and the options have room for them, else 8."""
    wide = image.format == "ushort"
    wanted = options.bit_depth if options.bit_depth in ALL_DEPTHS.get(name, ()) else None
    room = {"png": wanted in {None, 16}, "tiff": wanted in {None, 16}, "avif": wanted in {10, 12}}.get(
        name, False
    )
    grey = image.bands < 3
    if wide and not room:
        return image.colourspace("b-w" if grey else "srgb")
    if not wide and wanted == 16:
        return image.colourspace("grey16" if grey else "rgb16")
    return image


def _keep(image: pyvips.Image) -> int:
    if not image.get_typeof(KEEP):
        return 0
    kinds = str(image.get(KEEP)).split(",")
    return sum({_KEEP_FLAGS.get(kind, _KEEP_FLAGS["exif"]) for kind in kinds if kind})


def _jpeg(_: pyvips.Image, options: Encoding, quality: int) -> dict[str, Any]:
    chroma = "off" if _full_chroma(options, quality) else "on"
    return {"Q": quality, "interlace": options.progressive, "subsample_mode": chroma}


def _png(_: pyvips.Image, options: Encoding, __: int) -> dict[str, Any]:
    chosen: dict[str, Any] = {"interlace": options.progressive}
    depth = options.bit_depth if options.bit_depth in ALL_DEPTHS["png"] else None
    if options.effort is not None:
        chosen["compression"] = _effort(options, "png") - 1
    if options.palette or (depth or 8) < 8:
        chosen |= {"palette": True, "effort": _effort(options, "png"), "bitdepth": min(depth or 8, 8)}
    return chosen


def _webp_options(_: pyvips.Image, options: Encoding, quality: int) -> dict[str, Any]:
    return {
        "Q": quality,
        "lossless": options.lossless,
        "near_lossless": options.near_lossless,
        "effort": _effort(options, "webp"),
    }


def _avif(_: pyvips.Image, options: Encoding, quality: int) -> dict[str, Any]:
    depth = options.bit_depth if options.bit_depth in ALL_DEPTHS["avif"] else 8
    return {
        "compression": "av1",
        "Q": quality,
        "lossless": options.lossless,
        "effort": _effort(options, "avif"),
        "bitdepth": depth,
        "subsample_mode": "off" if _full_chroma(options, quality) else "on",
    }


def _gif(_: pyvips.Image, options: Encoding, __: int) -> dict[str, Any]:
    return {"effort": _effort(options, "gif")}


def _tiff(_: pyvips.Image, __: Encoding, ___: int) -> dict[str, Any]:
    return {"compression": "deflate", "predictor": "horizontal"}


_SAVERS = {"jpeg": "jpeg", "png": "png", "webp": "webp", "avif": "heif", "gif": "gif", "tiff": "tiff"}
_OPTIONS: dict[str, Callable[[pyvips.Image, Encoding, int], dict[str, Any]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp_options,
    "avif": _avif,
    "gif": _gif,
    "tiff": _tiff,
}
