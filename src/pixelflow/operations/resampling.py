"""Pixels at another scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pixelflow.operations.frames import each_frame
from pixelflow.operations.spellings import spelled

if TYPE_CHECKING:
    import pyvips

Kernel = Annotated[
    Literal["lanczos3", "nearest", "linear", "cubic", "mitchell", "lanczos2", "mks2013", "mks2021"],
    spelled(lanczos3="lanczos", linear="bilinear triangle", cubic="bicubic catrom"),
]


def resample(
    frame: pyvips.Image, width: int, height: int, kernel: Kernel = "lanczos3", *, linear: bool = False
) -> pyvips.Image:
    """One frame at exactly this size in pixels; its depth, bands and colour space stay."""
    if (width, height) == (frame.width, frame.height):
        return frame
    across, down = width / frame.width, height / frame.height
    if kernel == "nearest":
        return frame.resize(across, vscale=down, kernel=kernel)
    space, depth = frame.interpretation, frame.format
    work = frame.colourspace("scrgb") if linear else frame
    if frame.hasalpha():
        # Else the colour of what cannot be seen would show at the edges of what can.
        work = work.premultiply()
        # In whole numbers, as libvips' thumbnail does it, this takes a third of the time.
        work = work if linear else work.cast(depth)
        work = work.resize(across, vscale=down, kernel=kernel).unpremultiply()
        work = work if linear else work.cast(depth)
    else:
        work = work.resize(across, vscale=down, kernel=kernel)
    return work.colourspace(space).cast(depth) if linear else work


def resample_strip(strip: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """Every frame of an animation at exactly this size in pixels, none bleeding into the next."""
    depth, alpha = strip.format, strip.hasalpha()
    # Done once to the strip, what looks at single pixels costs a pipeline less for each frame.
    work = (strip.premultiply().cast(depth) if alpha else strip).copy_memory()
    work = each_frame(work, lambda frame: resample(frame.copy(interpretation="multiband"), width, height))
    work = work.copy(interpretation=strip.interpretation)
    return work.unpremultiply().cast(depth) if alpha else work
