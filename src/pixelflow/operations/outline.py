"""What a picture will be, as far as that is known without its pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isqrt
from typing import TYPE_CHECKING

from pixelflow.operations.color import rgba

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Range = tuple[int, int]
"""The least and the most; the same number twice is known."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A picture's sides in pixels of one frame, upright, and the rest of its shape; ``None`` is not known."""

    widths: Range
    heights: Range
    frames: int | None = 1
    alpha: bool | None = False
    color: bool = True
    """Whether it has more than grey; where that is not known it is taken to have."""
    depth: int | None = 8
    """Bits a channel as operations have them: 8 or 16."""
    paged: bool = False
    """Whether it is a file whose other pages, or other sizes that it is drawn at, are not known."""
    sideways: bool | None = None
    """Whether its file has the sides the other way round, and EXIF to say so."""

    @property
    def width(self) -> int | None:
        """Where it is known."""
        return self.widths[0] if self.widths[0] == self.widths[1] else None

    @property
    def height(self) -> int | None:
        """Where it is known."""
        return self.heights[0] if self.heights[0] == self.heights[1] else None

    @property
    def size(self) -> tuple[int, int] | None:
        """Where both sides are known."""
        return (self.widths[0], self.heights[0]) if self.width and self.height else None

    @property
    def most(self) -> tuple[int, int]:
        """The largest that it can be."""
        return self.widths[1], self.heights[1]

    def resized(self, target: Callable[[int, int], tuple[int, int]]) -> Outline:
        """With the sides that ``target`` gives for these.

        A range goes by its ends and its middle, which bound whatever grows or shrinks all the way: as every
        fit does.
        """
        sizes = [target(*size) for size in self._sizes()]
        across, down = [size[0] for size in sizes], [size[1] for size in sizes]
        return replace(self, widths=(min(across), max(across)), heights=(min(down), max(down)))

    def ready_for(self, color: str) -> Outline:
        """With the channels that a colour needs, as ``surface.ready_for`` adds them."""
        red, green, blue, alpha = rgba(color)
        return replace(
            self, color=self.color or not red == green == blue, alpha=True if alpha < 255 else self.alpha
        )

    def or_else(self, other: Outline) -> Outline:
        """What holds for both, where pixels or an unknown size decide which of them it will be."""
        return Outline(
            widths=(min(self.widths[0], other.widths[0]), max(self.widths[1], other.widths[1])),
            heights=(min(self.heights[0], other.heights[0]), max(self.heights[1], other.heights[1])),
            frames=self.frames if self.frames == other.frames else None,
            alpha=self.alpha if self.alpha == other.alpha else None,
            color=self.color or other.color,
            depth=self.depth if self.depth == other.depth else None,
        )

    def _sizes(self) -> Iterator[tuple[int, int]]:
        for width in _samples(self.widths):
            for height in _samples(self.heights):
                yield width, height
        if self.size is None and self.widths[0] <= self.heights[1] and self.heights[0] <= self.widths[1]:
            for side in (max(self.widths[0], self.heights[0]), min(self.widths[1], self.heights[1])):
                yield side, side


def exactly(width: int, height: int) -> Outline:
    """A still of 8 bits without alpha, of this size in pixels."""
    return Outline((width, width), (height, height))


def _samples(side: Range) -> set[int]:
    return {side[0], isqrt(side[0] * side[1]), side[1]}
