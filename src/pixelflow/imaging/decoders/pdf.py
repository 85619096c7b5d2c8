"""PDF (ISO 32000-1): a page of it, drawn on white by PDFium."""

from __future__ import annotations

from math import ceil, isfinite
from typing import TYPE_CHECKING

import pypdfium2
import pyvips

from pixelflow.domain.errors import ImageError
from pixelflow.imaging.decoders.opened import Opened, judged
from pixelflow.imaging.limits import check_picture

if TYPE_CHECKING:
    from mmap import mmap

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.decoders.view import View

DPI = 150
"""Dots an inch unless another number is asked for."""
_POINTS = 72
_END, _END_BYTES = b"%%EOF", 2048
"""How a file ends, and how far from its last byte at most: PDFium would guess at the rest of one cut off."""


def pdf(data: mmap, limits: ImageLimits, view: View) -> Opened:
    """Raises ImageError, as ``unsupported`` for a file that needs a password."""
    if _END not in data[max(0, len(data) - _END_BYTES) :]:
        raise ImageError("corrupt", "the pdf file is truncated or damaged (its end is missing)")
    with judged("pdf"):
        try:
            document = pypdfium2.PdfDocument(bytes(data))
        except pypdfium2.PdfiumError as error:
            if "password" in str(error).lower():
                raise ImageError("unsupported", "the pdf file needs a password") from error
            raise
        pages = len(document)
        if pages < 1:
            raise ImageError("corrupt", "the pdf file is truncated or damaged (it has no page)")
        view.check_page(pages)
        scale = (view.dpi or DPI) / _POINTS
        points = document.get_page_size(view.page)
        if not all(isfinite(side) and side > 0 for side in points):
            raise ImageError("corrupt", "the pdf file is truncated or damaged (a page without a size)")
        width, height = (ceil(side * scale) for side in points)
        check_picture(width, height, limits, bands=3)

    def read(_: bool) -> pyvips.Image:
        with judged("pdf"):
            page = document[view.page]
            try:
                drawn = page.render(scale=scale, rev_byteorder=True).to_numpy()
            finally:
                page.close()
        image = pyvips.Image.new_from_memory(drawn.tobytes(), drawn.shape[1], drawn.shape[0], 3, "uchar")
        return image.copy(interpretation="srgb", xres=scale * _POINTS / 25.4, yres=scale * _POINTS / 25.4)

    return Opened(width, height, 3, read, pages=pages)
