"""The colour space that a file is written in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyvips

from pixelflow.domain.errors import ImageError
from pixelflow.imaging.srgb import convert, native
from pixelflow.operations.profiles import (
    BARE_FORMATS,
    EMBEDDED,
    GIVEN,
    PROFILE,
    SOURCE_PROFILE,
    WRITTEN_IN,
    conflict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ICC_FLAG = 8
"""VipsForeignKeep's bit for the profile."""
_CHANNELS: Mapping[bytes, str] = {b"RGB ": "rgb", b"GRAY": "grey", b"CMYK": "cmyk"}


def written(image: pyvips.Image, name: str, keep: int) -> tuple[pyvips.Image, int]:
    """The image in the colour space wished for it, by default sRGB, and ``keep`` with the profile in or out.

    Raises pyvips.Error for a profile that cannot be used, and ImageError (``invalid``) for a colour space
    that the format cannot be written in.
    """
    if not image.get_typeof(WRITTEN_IN):
        return convert(image) if native(image) else image, keep
    to, embed = str(image.get(WRITTEN_IN)), bool(image.get(EMBEDDED))
    profile = _wanted(image, to)
    space = "srgb" if profile is None else _CHANNELS.get(profile[16:20])
    if space is None:
        raise ImageError("invalid", "files are written in RGB, grey or CMYK, which the profile is not for")
    if said := conflict(space, name):
        raise ImageError("invalid", said)
    image = _converted(image, profile, to)
    return image, (keep | ICC_FLAG) if embed and name not in BARE_FORMATS else keep & ~ICC_FLAG


def _wanted(image: pyvips.Image, to: str) -> bytes | None:
    """The profile to write in; ``None`` for sRGB."""
    if to == "srgb":
        return None
    if to == "given":
        return bytes(image.get(GIVEN))
    if to != "source":
        return bytes(pyvips.Operation.call("profile_load", to))
    field = PROFILE if native(image) else SOURCE_PROFILE
    return bytes(image.get(field)) if image.get_typeof(field) else None


def _converted(image: pyvips.Image, profile: bytes | None, to: str) -> pyvips.Image:
    depth = 16 if image.format == "ushort" else 8
    own = native(image)
    if own and profile == bytes(image.get(PROFILE)):
        return image
    if profile is not None and to not in {"given", "source"} and (own or image.bands >= 3):
        # At once, where libvips has the profile itself: from one that is handed in it goes by way of Lab.
        return image.icc_transform(to, embedded=own, input_profile="srgb", depth=depth)
    if own and profile is not None:
        image = image.icc_import(embedded=True)
    else:
        image = convert(image) if own else image
        if image.bands < 3:
            image = image.colourspace("rgb16" if depth == 16 else "srgb")
        if profile is not None:
            image = image.icc_import(input_profile="srgb", embedded=False)
    image = image.copy()
    attached = pyvips.Operation.call("profile_load", "srgb") if profile is None else profile
    image.set_type(pyvips.GValue.blob_type, PROFILE, attached)
    return image if profile is None else image.icc_export(depth=depth)
