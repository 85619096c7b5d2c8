"""Animations: libvips holds one as a tall strip of frames with ``page-height`` set."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyvips

PAGE_HEIGHT = "page-height"
DELAYS = "delay"
"""Milliseconds of each frame."""
LOOP = "loop"
"""How often it is shown, 0 for ever."""


def frame_size(image: pyvips.Image) -> tuple[int, int]:
    """Width and height of one frame in pixels; a still is one frame."""
    return image.width, image.get_page_height()


def first_frame(image: pyvips.Image) -> pyvips.Image:
    """The first frame alone."""
    width, height = frame_size(image)
    return _single(image if height == image.height else image.crop(0, 0, width, height))


def frame_at(image: pyvips.Image, moment: float) -> pyvips.Image:
    """The frame that is shown at this part of the playing time, 0 to below 1; delays as in its fields."""
    width, height = frame_size(image)
    count = image.height // height
    if count == 1:
        return _single(image)
    delays = [max(1, delay) for delay in image.get("delay")] if image.get_typeof("delay") else []
    delays = (delays + [delays[-1] if delays else 1] * count)[:count]
    passed, frame = moment * sum(delays), 0
    while passed >= delays[frame]:
        passed -= delays[frame]
        frame += 1
    return _single(image.crop(0, frame * height, width, height))


def each_frame(image: pyvips.Image, work: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """``work`` done on each frame apart, so that none bleeds into the next; the results are of one size."""
    return strip_of([work(frame) for frame in separate(image)])


def separate(image: pyvips.Image) -> list[pyvips.Image]:
    """Each frame as a still."""
    width, height = frame_size(image)
    if height == image.height:
        return [_single(image)]
    # Frames are read out of order, which a decoder that streams cannot do.
    strip = _single(image.copy_memory())
    return [strip.crop(0, top, width, height) for top in range(0, image.height, height)]


def strip_of(frames: list[pyvips.Image]) -> pyvips.Image:
    """Frames of one size joined to a strip; a single one stays a still."""
    import pyvips

    if len(frames) == 1:
        return frames[0]
    strip = pyvips.Image.arrayjoin(frames, across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, PAGE_HEIGHT, frames[0].height)
    return strip


def _single(image: pyvips.Image) -> pyvips.Image:
    # A height that was left behind would make two frames of a still that is enlarged twofold.
    if not image.get_typeof(PAGE_HEIGHT):
        return image
    image = image.copy()
    image.remove(PAGE_HEIGHT)
    return image
