"""Pixels to a file's bytes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from pixelflow.domain.errors import ImageError
from pixelflow.domain.media import BY_NAME
from pixelflow.imaging import jpeg
from pixelflow.imaging.encoders.choice import ANIMATIONS, STILLS
from pixelflow.imaging.profile import written
from pixelflow.operations import gain_map
from pixelflow.operations.encoding import (
    ALL_DEPTHS,
    DEFAULT_QUALITY,
    EFFORT,
    MAX_SIDE,
    Encoding,
    full_chroma,
)
from pixelflow.operations.frames import first_frame
from pixelflow.operations.metadata import KEEP

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyvips

    from pixelflow.imaging.picture import Picture, Pixels

_KEEP_FLAGS = {"exif": 1, "xmp": 2, "iptc": 4, "icc": 8, "gainmap": 32}
"""VipsForeignKeep; copyright and whatever else lives in EXIF fields travels as ``exif``."""


def encode(picture: Picture, name: str, options: Encoding) -> bytes:
    """The file; transparency is laid on white where the format has none.

    Raises pyvips.Error, and ImageError for a picture that is too large for the format.
    """
    longest = max(picture.size)
    if longest > MAX_SIDE.get(name, longest):
        most = MAX_SIDE[name]
        raise ImageError("invalid", f"a {name} has at most {most:,} pixels on a side, not {longest:,}")
    quality = options.quality or DEFAULT_QUALITY.get(name, 0)
    pixels = picture.pixels
    if pixels is not None and not (options.lossless or options.near_lossless or options.progressive):
        if name == "jpeg" and pixels.bands < 4:
            return jpeg.encode(pixels, quality, full_chroma=full_chroma(options, quality))
        if name == "webp":
            return _webp(pixels, quality, _effort(options, name))
    image = picture.image
    if not BY_NAME[name].animated:
        image = first_frame(image)
    if name == "jpeg" and image.hasalpha():
        image = on_white(image)
    image = _at_depth(image, name, options)
    image, keep = written(image, name, _keep(image))
    image = gain_map.fitted(image)
    moves = image.get_page_height() < image.height
    if other := STILLS.get(name) or (ANIMATIONS.get(name) if moves else None):
        return other(image, options, quality, keep, _effort(options, name))
    save = getattr(image, f"{_SAVERS[name]}save_buffer")
    made: bytes = save(keep=keep, **_OPTIONS[name](options, quality))
    return made


def on_white(image: pyvips.Image) -> pyvips.Image:
    """Without its transparency."""
    white = 65535 if image.format == "ushort" else 255
    return image.flatten(background=[white] * (image.bands - 1))


def _webp(pixels: Pixels, quality: int, effort: int) -> bytes:
    out = BytesIO()
    pixels.pillow.save(out, "WEBP", quality=quality, method=effort)
    return out.getvalue()


def _effort(options: Encoding, name: str) -> int:
    least, most, default = EFFORT.get(name, (0, 0, 0))
    return default if options.effort is None else min(most, max(least, options.effort))


def _at_depth(image: pyvips.Image, name: str, options: Encoding) -> pyvips.Image:
    """16 bits a channel where the format and the options have room for them, else 8."""
    if image.interpretation == "cmyk":
        return image
    wide = image.format == "ushort"
    wanted = options.bit_depth if options.bit_depth in ALL_DEPTHS.get(name, ()) else None
    grey = image.bands < 3
    room = {
        "png": wanted in {None, 16},
        "tiff": wanted in {None, 16},
        "avif": wanted in {10, 12} and image.get_page_height() == image.height,
        "heic": wanted in {10, 12},
    }.get(name, False)
    if wide and not room:
        return image.colourspace("b-w" if grey else "srgb")
    if not wide and wanted == 16:
        return image.colourspace("grey16" if grey else "rgb16")
    return image


def _keep(image: pyvips.Image) -> int:
    if not image.get_typeof(KEEP):
        return 0
    kinds = str(image.get(KEEP)).split(",")
    if (image.interpretation, image.format, image.bands) != ("srgb", "uchar", 3):
        kinds = [kind for kind in kinds if kind != "gainmap"]  # which is for colours of 8 bits
    return sum({_KEEP_FLAGS.get(kind, _KEEP_FLAGS["exif"]) for kind in kinds if kind})


def _jpeg(options: Encoding, quality: int) -> dict[str, Any]:
    chroma = "off" if full_chroma(options, quality) else "on"
    return {"Q": quality, "interlace": options.progressive, "subsample_mode": chroma}


def _png(options: Encoding, _: int) -> dict[str, Any]:
    chosen: dict[str, Any] = {"interlace": options.progressive}
    depth = options.bit_depth if options.bit_depth in ALL_DEPTHS["png"] else None
    if options.effort is not None:
        chosen["compression"] = _effort(options, "png") - 1
    if options.palette or (depth or 8) < 8:
        chosen |= {"palette": True, "effort": _effort(options, "png"), "bitdepth": min(depth or 8, 8)}
    return chosen


def _webp_options(options: Encoding, quality: int) -> dict[str, Any]:
    return {
        "Q": quality,
        "lossless": options.lossless,
        "near_lossless": options.near_lossless,
        "effort": _effort(options, "webp"),
    }


def _avif(options: Encoding, quality: int) -> dict[str, Any]:
    depth = options.bit_depth if options.bit_depth in ALL_DEPTHS["avif"] else 8
    return {
        "compression": "av1",
        "Q": quality,
        "lossless": options.lossless,
        "effort": _effort(options, "avif"),
        "bitdepth": depth,
        "subsample_mode": "off" if options.lossless or full_chroma(options, quality) else "on",
    }


def _gif(options: Encoding, _: int) -> dict[str, Any]:
    return {"effort": _effort(options, "gif")}


def _tiff(_: Encoding, __: int) -> dict[str, Any]:
    return {"compression": "deflate", "predictor": "horizontal"}


_SAVERS = {
    "jpeg": "jpeg",
    "png": "png",
    "webp": "webp",
    "apng": "png",
    "avif": "heif",
    "gif": "gif",
    "tiff": "tiff",
}
_OPTIONS: dict[str, Callable[[Encoding, int], dict[str, Any]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "apng": _png,
    "webp": _webp_options,
    "avif": _avif,
    "gif": _gif,
    "tiff": _tiff,
}
