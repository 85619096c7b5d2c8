"""From sRGB to the colour space that a file shall be written in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyvips

from pixelflow.domain.errors import ImageError
from pixelflow.imaging.srgb import PROFILE, SOURCE_PROFILE
from pixelflow.operations.profiles import EMBEDDED, WRITTEN_IN

if TYPE_CHECKING:
    from collections.abc import Mapping

ICC_FLAG = 8
"""VipsForeignKeep's bit for the profile."""
_CMYK = frozenset({"jpeg", "tiff"})
"""Formats that can be written in CMYK."""
_BARE = frozenset({"gif"})
"""Formats that have no place for a profile."""
_PROFILE_SPACES: Mapping[bytes, str] = {b"RGB ": "rgb", b"GRAY": "grey", b"CMYK": "cmyk"}


def written(image: pyvips.Image, name: str, keep: int) -> tuple[pyvips.Image, int]:
    """The image in the colour space wished for it, if any, and ``keep`` with the profile in or out.

    Raises pyvips.Error for a profile that cannot be used, and ImageError (``invalid``) for a colour space
    that the format cannot be written in.
    """
    if not image.get_typeof(WRITTEN_IN):
        return image, keep
    to, embed = str(image.get(WRITTEN_IN)), bool(image.get(EMBEDDED))
    profile: bytes | None = None
    if to == "source":
        profile = next((image.get(f) for f in (SOURCE_PROFILE, PROFILE) if image.get_typeof(f)), None)
        to = "srgb" if profile is None else _PROFILE_SPACES.get(profile[16:20], "other")
    if to == "cmyk" and name not in _CMYK:
        raise ImageError("invalid", f"a {name} cannot be CMYK; use {' or '.join(sorted(_CMYK))}")
    if name in _BARE and to != "srgb":
        raise ImageError("invalid", f"a {name} cannot carry a profile; use another format, or srgb")
    depth = 16 if image.format == "ushort" else 8
    if image.bands < 3:
        image = image.colourspace("rgb16" if depth == 16 else "srgb")
    image = _converted(image, to, profile, depth)
    return image, (keep | ICC_FLAG) if embed and name not in _BARE else keep & ~ICC_FLAG


def _converted(image: pyvips.Image, to: str, profile: bytes | None, depth: int) -> pyvips.Image:
    if profile is None and to == "srgb":
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, PROFILE, pyvips.Operation.call("profile_load", "srgb"))
        return image
    if profile is None:
        return image.icc_transform(to, input_profile="srgb", embedded=False, depth=depth)
    if not image.get_typeof(SOURCE_PROFILE):
        return image  # it came with sRGB's, and still has it
    image = image.icc_import(input_profile="srgb", embedded=False).copy()
    image.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    return image.icc_export(depth=depth)
