"""Every picture to sRGB: profiles honoured, CMYK and Lab converted, 8 and 16 bits a channel kept."""

from __future__ import annotations

import struct
from functools import lru_cache

import pyvips

from pixelflow.operations.profiles import PROFILE, SOURCE_PROFILE

NATIVE = "pixelflow-native"
"""libvips field of a picture that is still in the space of its own profile."""
GREY = frozenset({"b-w", "grey16"})
DIRECT = frozenset({"srgb", "rgb16"}) | GREY
"""Interpretations that operations take as they are."""
SCALABLE = DIRECT | {"cmyk"}
"""Those that may be scaled before they are converted."""

# Primaries of sRGB adapted to D50 (ICC.1:2022, annex E), as profiles carry them: rXYZ, gXYZ, bXYZ.
_PRIMARIES = {
    b"rXYZ": (0.4361, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}
_INK = ("cmyk", "uchar")
"""The only CMYK that is kept: other operations take 16 bits for sRGB's."""
_PRIMARY_TOLERANCE = 0.002
_CURVE_TOLERANCE = 0.004


def convert(image: pyvips.Image) -> pyvips.Image:
    """The picture in sRGB or grey, 8 or 16 bits a channel; a profile that cannot be used counts as none."""
    depth = 16 if image.format == "ushort" else 8
    space = image.interpretation
    embedded = bool(image.get_typeof(PROFILE))
    if space in {"multiband", "matrix", "histogram"}:
        image = image.copy(interpretation="srgb" if image.bands > 2 else "b-w")
        space = image.interpretation
    if native(image):
        image = image.copy()
        image.remove(NATIVE)
    if space == "cmyk" or (embedded and space in DIRECT and not is_srgb(image.get(PROFILE))):
        fallback = "cmyk" if space == "cmyk" else "srgb"
        converted = image.icc_transform("srgb", embedded=embedded, input_profile=fallback, depth=depth)
        if embedded and _fits(image):
            converted = converted.copy()
            converted.set_type(pyvips.GValue.blob_type, SOURCE_PROFILE, image.get(PROFILE))
        image = converted.colourspace("grey16" if depth == 16 else "b-w") if space in GREY else converted
    elif space not in DIRECT:
        image = image.colourspace("rgb16" if depth == 16 else "srgb")
    if image.format not in {"uchar", "ushort"}:
        image = image.cast("ushort" if image.interpretation in {"rgb16", "grey16"} else "uchar")
    return image


def own(image: pyvips.Image) -> pyvips.Image:
    """The picture in its own space where that is another than sRGB and its profile can be used, else as
    ``convert`` has it."""
    if not _worth_keeping(image):
        return convert(image)
    image = image.copy()
    image.set_type(pyvips.GValue.gint_type, NATIVE, 1)
    return image


def native(image: pyvips.Image) -> bool:
    """Whether it is still in its own space."""
    return bool(image.get_typeof(NATIVE))


def _worth_keeping(image: pyvips.Image) -> bool:
    if not image.get_typeof(PROFILE) or not _fits(image) or is_srgb(image.get(PROFILE)):
        return False
    if not (image.interpretation in {"srgb", "rgb16"} or (image.interpretation, image.format) == _INK):
        return False
    sample = (
        pyvips.Image.black(1, 1, bands=image.bands)
        .cast(image.format)
        .copy(interpretation=image.interpretation)
    )
    sample.set_type(pyvips.GValue.blob_type, PROFILE, image.get(PROFILE))
    try:
        sample.icc_import(embedded=True).avg()
    except pyvips.Error:
        return False
    return True


def _fits(image: pyvips.Image) -> bool:
    """Whether the profile is one of the picture's own kind of channels."""
    found = image.get(PROFILE)[16:20]
    return bool(
        found == {"cmyk": b"CMYK", "b-w": b"GRAY", "grey16": b"GRAY"}.get(image.interpretation, b"RGB ")
    )


@lru_cache(maxsize=32)
def is_srgb(profile: bytes) -> bool:
    """Whether a profile says the same as sRGB but for rounding, so that converting would change nothing."""
    try:
        tags = _tags(profile)
        return (
            profile[16:20] == b"RGB "
            and all(_near(tags[name], want) for name, want in _PRIMARIES.items())
            and _curve(tags)
        )
    except (KeyError, struct.error, ArithmeticError, TypeError):
        return False


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = (struct.unpack_from(">4sII", profile, 132 + 12 * index) for index in range(min(count, 100)))
    return {name: profile[start : start + size] for name, start, size in entries}


def _near(tag: bytes, want: tuple[float, float, float]) -> bool:
    found = struct.unpack_from(">3i", tag, 8)
    return all(
        abs(value / 65536 - wanted) < _PRIMARY_TOLERANCE for value, wanted in zip(found, want, strict=True)
    )


def _curve(tags: dict[bytes, bytes]) -> bool:
    """Whether the three curves are sRGB's; a profile with look-up tables is never taken for it."""
    if b"A2B0" in tags:
        return False
    return all(
        abs(_at(tags[name], x) - _linear(x)) < _CURVE_TOLERANCE
        for name in (b"rTRC", b"gTRC", b"bTRC")
        for x in (0.02, 0.1, 0.25, 0.5, 0.75, 0.9)
    )


def _at(tag: bytes, x: float) -> float:
    if tag[:4] == b"para" and struct.unpack_from(">H", tag, 8) == (3,):
        gamma, a, b, c, d = (value / 65536 for value in struct.unpack_from(">5i", tag, 12))
        return float((a * x + b) ** gamma) if x >= d else c * x
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count > 1:
            at, part = divmod(x * (count - 1), 1)
            low, high = struct.unpack_from(">2H", tag, 12 + 2 * int(at))
            return float(low + (high - low) * part) / 65535
    raise KeyError(tag[:4])


def _linear(x: float) -> float:
    return x / 12.92 if x <= 0.04045 else float(((x + 0.055) / 1.055) ** 2.4)


def name(profile: bytes) -> str | None:
    """The profile's own description."""
    try:
        tag = _tags(profile)[b"desc"]
        if tag[:4] == b"mluc":
            length, start = struct.unpack_from(">II", tag, 20)
            found = tag[start : start + length].decode("utf-16-be")
        else:
            (length,) = struct.unpack_from(">I", tag, 8)
            found = tag[12 : 12 + length].decode("latin-1")
    except (KeyError, struct.error, UnicodeDecodeError):
        return None
    return "".join(c for c in found if c.isprintable())[:100] or None
