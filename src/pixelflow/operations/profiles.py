"""The colour space that a file is written in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import model_validator

from pixelflow.operations.base import Context, Operation
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.spellings import spelled

if TYPE_CHECKING:
    import pyvips

WRITTEN_IN = "pixelflow-icc"
"""libvips field with the colour space that a file shall be written in: srgb, p3, cmyk, or source for the
profile that the source came with."""
EMBEDDED = "pixelflow-icc-embedded"
"""libvips field: 1 where that profile shall be in the file."""

Space = Annotated[Literal["srgb", "p3", "cmyk"], spelled(p3="display_p3", srgb="rgb")]


class Icc(Operation):
    """Choose the colour space of the written file, and whether its ICC profile goes along.

    Colours are converted relative to white when the file is written; steps that follow still work in sRGB.
    What was outside of sRGB came inside when the picture was read. Grey is written with three channels, or
    four. CMYK needs JPEG or TIFF; a GIF cannot carry a profile and is sRGB. It has the last word on the
    profile over `metadata`.
    """

    action = "icc"
    family = "metadata"
    needs_metadata = True

    to: Space = "srgb"
    """`p3` is Display P3; `cmyk` is coated paper as libvips has it."""
    embed: bool = True
    """Whether the profile is in the file; without it, viewers take any file for sRGB."""
    keep: bool = False
    """Write it in the profile that the source came with; in sRGB if it had none."""

    @model_validator(mode="after")
    def _consistent(self) -> Icc:
        if self.keep and "to" in self.model_fields_set:
            raise Contradiction("keep writes the source's own profile; leave out to", "keep", "to")
        return self

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        import pyvips

        image = image.copy()
        image.set_type(pyvips.GValue.gstr_type, WRITTEN_IN, "source" if self.keep else self.to)
        image.set_type(pyvips.GValue.gint_type, EMBEDDED, int(self.embed))
        return image


OPERATIONS = [Icc]
