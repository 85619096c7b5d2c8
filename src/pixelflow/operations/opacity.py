"""Colours weighed by how opaque they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyvips


def weighed(frame: pyvips.Image, work: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """``work`` done on all bands so that transparent pixels lend no colour; depth and bands stay."""
    if not frame.hasalpha():
        return work(frame)
    depth, space = frame.format, frame.interpretation
    # In the depth of the frame rather than in floats, which take thirty times as long.
    done = work(frame.premultiply().rint().cast(depth)).copy(interpretation=space)
    return done.unpremultiply().rint().cast(depth)
