"""Which frames of an animation stay, and how they are played."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from pixelflow.domain.errors import ImageError
from pixelflow.domain.media import DRAWN
from pixelflow.operations.base import Context, Operation
from pixelflow.operations.frames import DELAYS, LOOP, PAGE_HEIGHT, frame_size
from pixelflow.operations.problems import Contradiction

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyvips

    from pixelflow.operations.outline import Outline

MOST_PIXELS = 65_535
"""Longest side of a page that is not known yet."""


class Frames(Operation):
    """Choose frames of an animation, counted from 0, and set how they are played; a still is one frame.

    A chosen frame is taken for formats without animation too. Pages of a TIFF or PDF are no frames: `page`
    takes one of them, as the first step after the source.
    """

    action = "frames"
    family = "animation"
    chooses_frames = True

    first: int = Field(default=0, ge=0, le=65535)
    """The first frame that stays."""
    count: int | None = Field(default=None, ge=1, le=65535)
    """How many stay, as far as there are; by default all that follow."""
    page: int | None = Field(default=None, ge=0, le=65535)
    """The only frame that stays, as a still; of a TIFF or PDF this page."""
    dpi: float | None = Field(default=None, ge=1, le=2400)
    """Dots an inch that a PDF or SVG is drawn at; by default 150 for PDF, and 96 for SVG, which is one pixel
    for each of its own."""
    max_frames: int | None = Field(default=None, ge=1, le=65535)
    """More than this many are treated as `on_limit` says."""
    on_limit: Literal["error", "truncate", "first_frame"] = "error"
    """With more than `max_frames`: fail, keep the first `max_frames`, or keep one as a still."""
    loop: int | None = Field(default=None, ge=0, le=65535)
    """How often it is shown, 0 for ever; by default as it was."""
    delay: int | None = Field(default=None, ge=0, le=65535)
    """Milliseconds that each frame is shown, in GIF to the nearest 10; by default as it was."""

    @model_validator(mode="after")
    def _consistent(self) -> Frames:
        given = self.model_fields_set
        if self.page is not None and (also := given & {"first", "count", "max_frames", "on_limit"}):
            raise Contradiction(f"page keeps one frame; leave out {', '.join(sorted(also))}", "page")
        if "on_limit" in given and self.max_frames is None:
            raise Contradiction("on_limit has no meaning without max_frames", "on_limit")
        return self

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        if given.paged and (self.page is not None or self.dpi is not None):
            sides = (1, MOST_PIXELS)
            return replace(given, widths=sides, heights=sides, alpha=None, depth=None)
        return given if given.frames is None else replace(given, frames=self._chosen(given.frames)[1])

    @property
    def leaves_colors(self) -> bool:
        return True

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        import pyvips

        if self.dpi is not None and (context.page is None or context.facts["format"] not in DRAWN):
            raise ImageError("invalid", "dpi is for a PDF or SVG as it came: this picture has pixels already")
        if context.page is not None and (self.page is not None or self.dpi is not None):
            return context.page(self.page or 0, self.dpi)
        width, height = frame_size(image)
        first, count = self._chosen(image.height // height)
        delays = image.get(DELAYS)[first : first + count] if image.get_typeof(DELAYS) else []
        if self.delay is not None:
            delays = [self.delay] * count
        kept = image.crop(0, first * height, width, count * height).copy()
        if count == 1 and kept.get_typeof(PAGE_HEIGHT):
            kept.remove(PAGE_HEIGHT)
        if delays:
            kept.set_type(pyvips.GValue.array_int_type, DELAYS, delays)
        if self.loop is not None:
            kept.set_type(pyvips.GValue.gint_type, LOOP, self.loop)
        return kept

    def _chosen(self, frames: int) -> tuple[int, int]:
        """The first frame that stays and how many."""
        first = self.first if self.page is None else self.page
        if first >= frames:
            there = (
                "is one frame, number 0" if frames == 1 else f"are {frames} frames, numbers 0 to {frames - 1}"
            )
            raise ImageError("invalid", f"there is no frame {first}: there {there}")
        count = 1 if self.page is not None else min(self.count or frames, frames - first)
        if self.max_frames is None or count <= self.max_frames:
            return first, count
        if self.on_limit == "error":
            raise ImageError("limit", f"{count} frames are more than max_frames allows: {self.max_frames}")
        return first, 1 if self.on_limit == "first_frame" else self.max_frames


OPERATIONS = [Frames]
