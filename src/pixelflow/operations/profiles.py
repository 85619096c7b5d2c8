"""The colour space that a file is written in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import model_validator

from pixelflow.domain.errors import ImageError
from pixelflow.operations.base import Context, Operation
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.references import Reference
from pixelflow.operations.spellings import spelled

if TYPE_CHECKING:
    import pyvips

WRITTEN_IN = "pixelflow-icc"
"""libvips field with the colour space that a file shall be written in: srgb, p3, cmyk, source for the profile
that the source came with, or given for that in ``GIVEN``."""
GIVEN = "pixelflow-icc-profile"
"""libvips field with a profile that a file shall be written in."""
EMBEDDED = "pixelflow-icc-embedded"
"""libvips field: 1 where that profile shall be in the file."""
PROFILE = "icc-profile-data"
SOURCE_PROFILE = "pixelflow-source-profile"
"""libvips field with the profile that a picture came with, where it was converted from it."""

CMYK_FORMATS = ("jpeg", "tiff")
"""Formats that can be written in CMYK."""
BARE_FORMATS = frozenset({"gif", "jxl"})
"""Formats that have no place for a profile."""
_SPACES = ("srgb", "p3", "cmyk")

Space = Annotated[Literal["srgb", "p3", "cmyk"], spelled(p3="display_p3", srgb="rgb")]


class Icc(Operation):
    """Choose the colour space of the written file, and whether its ICC profile goes along.

    Colours are converted relative to white when the file is written; steps that follow work in sRGB. What a
    source has outside of sRGB stays as long as steps before this one only scale, cut, turn, mirror or choose
    frames, and comes inside with any other one; CMYK that is kept stays as it is, value by value. Grey is
    written with three channels, or four. CMYK needs JPEG or TIFF; a GIF cannot carry a profile and is sRGB.
    It has the last word on the profile over `metadata`.
    """

    action = "icc"
    family = "metadata"
    streams = True
    needs_metadata = True
    refers_in = "to"
    wants_colors = True

    to: Space | Reference = "srgb"
    """`p3` is Display P3, `cmyk` is coated paper as libvips has it; another picture lends its own profile:
    upload one that was saved in the profile wanted as an asset."""
    embed: bool = True
    """Whether the profile is in the file; without it, viewers take any file for sRGB."""
    keep: bool = False
    """Write it in the profile that the source came with; in sRGB if it had none."""

    @model_validator(mode="after")
    def _consistent(self) -> Icc:
        if self.keep and "to" in self.model_fields_set:
            raise Contradiction("keep writes the source's own profile; leave out to", "keep", "to")
        return self

    @property
    def leaves_colors(self) -> bool:
        return True

    def needs(self) -> frozenset[str]:
        return frozenset[str]() if self.to in _SPACES else frozenset({self.to})

    def unwritable(self, name: str) -> str:
        if self.keep:
            return ""
        return conflict(self.to if self.to in _SPACES else "rgb", name)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        import pyvips

        image = image.copy()
        to = "source" if self.keep else self.to
        if to not in {*_SPACES, "source"}:
            image.set_type(pyvips.GValue.blob_type, GIVEN, _lent(context, to))
            to = "given"
        image.set_type(pyvips.GValue.gstr_type, WRITTEN_IN, to)
        image.set_type(pyvips.GValue.gint_type, EMBEDDED, int(self.embed))
        return image


def conflict(space: str, name: str) -> str:
    """Why a file of this format cannot be in that space (srgb, cmyk, or any other); empty if it can."""
    if space == "cmyk" and name not in CMYK_FORMATS:
        return f"a {name} cannot be CMYK; use {' or '.join(CMYK_FORMATS)}"
    if space != "srgb" and name in BARE_FORMATS:
        return f"a {name} cannot carry a profile; use another format, or srgb"
    return ""


def _lent(context: Context, name: str) -> bytes:
    lender = context.assets[name]
    for field in (SOURCE_PROFILE, PROFILE):
        if lender.get_typeof(field):
            return bytes(lender.get(field))
    raise ImageError("invalid", f"the picture {name} carries no profile to write in", step=context.step)


OPERATIONS = [Icc]
