"""SVG: made harmless, then drawn by librsvg; only in a process that is made for it (``native.allow_svg``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyvips

from pixelflow.domain.errors import ImageError
from pixelflow.imaging.decoders.harmless import harmless
from pixelflow.imaging.decoders.opened import Opened, judged
from pixelflow.imaging.limits import check_picture

if TYPE_CHECKING:
    from mmap import mmap

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.decoders.view import View

DPI = 96
"""Dots an inch at which one of its pixels is one of ours (CSS Values and Units, 5.2)."""
MAX_BYTES = 5_000_000
"""Its largest size; a drawing of more is beyond what librsvg does in reasonable time."""


def svg(data: mmap, limits: ImageLimits, view: View) -> Opened:
    """Raises ImageError, as ``unsupported`` for one with entities or other declarations of its own."""
    if len(data) > MAX_BYTES:
        raise ImageError("limit", f"the svg file has {len(data):,} bytes, the limit is {MAX_BYTES:,}")
    scale = (view.dpi or DPI) / DPI
    with judged("svg"):
        drawing = harmless(bytes(data))
        # Sides that libvips has no numbers for are told as an error by it.
        head = pyvips.Image.svgload_buffer(drawing, scale=scale)
        check_picture(head.width, head.height, limits, bands=head.bands)

    def read(_: bool) -> pyvips.Image:
        with judged("svg"):
            return pyvips.Image.svgload_buffer(drawing, scale=scale).copy_memory()

    return Opened(head.width, head.height, head.bands, read)
