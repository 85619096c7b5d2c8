"""Caps on what a picture may cost, checked before its pixels are decoded or made."""

from __future__ import annotations

from math import floor, sqrt
from typing import TYPE_CHECKING

from pixelflow.domain.errors import ImageError

if TYPE_CHECKING:
    from pixelflow.domain.limits import ImageLimits


def check_bytes(size: int, limits: ImageLimits) -> None:
    """Raises ImageError (``limit``) for an input file of more bytes than allowed."""
    _check("the file has {} bytes", size, limits.max_input_bytes, "MAX_UPLOAD_SIZE")


def check_output(size: int, limits: ImageLimits, step: str) -> None:
    """Raises ImageError (``limit``) for an output of more bytes than allowed."""
    _check("the output has {} bytes", size, limits.max_output_bytes, "MAX_OUTPUT_BYTES", step)


def check_picture(
    width: int, height: int, limits: ImageLimits, *, frames: int = 1, bands: int = 1, step: str | None = None
) -> None:
    """Raises ImageError (``limit``) naming the value, the limit and its setting; sides are one frame's."""
    whose = "the picture" if step is None else "the result"
    _check(
        f"{whose} is {{}} pixels on its longer side",
        max(width, height),
        limits.max_image_side,
        "MAX_IMAGE_SIDE",
        step,
    )
    _check(f"{whose} has {{}} pixels", width * height, limits.max_image_area, "MAX_IMAGE_AREA", step)
    _check(f"{whose} has {{}} frames", frames, limits.max_image_frames, "MAX_IMAGE_FRAMES", step)
    _check(
        f"{whose} has {{}} pixels in all its frames",
        width * height * frames,
        limits.max_image_frames_area,
        "MAX_IMAGE_FRAMES_AREA",
        step,
    )
    _check(f"{whose} has {{}} channels", bands, limits.max_image_bands, "MAX_IMAGE_BANDS", step)


def largest(width: int, height: int, limits: ImageLimits, *, frames: int = 1) -> tuple[int, int]:
    """The sides nearest to these, of the same shape, that ``check_picture`` lets pass; of one frame."""
    area = min(limits.max_image_area, limits.max_image_frames_area // frames)
    by = min(1.0, limits.max_image_side / max(width, height), sqrt(area / (width * height)))
    # A product that is whole but for how it was rounded is not cut to the one below.
    return max(1, floor(width * by + 1e-9)), max(1, floor(height * by + 1e-9))


def check_references(pixels: int, limits: ImageLimits) -> None:
    """Raises ImageError (``limit``) for more pixels than allowed in what steps refer to, as it is decoded."""
    what = "the pictures that steps refer to have {} pixels together"
    _check(what, pixels, limits.max_image_frames_area, "MAX_IMAGE_FRAMES_AREA")


def _check(what: str, value: int, limit: int, setting: str, step: str | None = None) -> None:
    if value > limit:
        raise ImageError(
            "limit", f"{what.format(f'{value:,}')}, the limit is {limit:,} ({setting})", step=step
        )
