"""Pixels at another scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pixelflow.operations.frames import frame_size, strip_of
from pixelflow.operations.spellings import spelled

if TYPE_CHECKING:
    import pyvips

Kernel = Annotated[
    Literal["lanczos3", "nearest", "linear", "cubic", "mitchell", "lanczos2", "mks2013", "mks2021"],
    spelled(lanczos3="lanczos", linear="bilinear triangle", cubic="bicubic catrom"),
]


Size = tuple[float, float]
"""Width and height in pixels."""

GAP = 2
"""What a box filter leaves to the kernel at least, as where libvips resizes."""
LONGEST_KERNEL = 100
"""How much smaller a kernel makes a side alone at most; libvips has room for some 300 times."""
MARGINS = 33
"""Margins in pixels that are tried; with more of them the picture is less than 0.02 pixels off its place."""


def resample(
    frame: pyvips.Image,
    width: int,
    height: int,
    kernel: Kernel = "lanczos3",
    *,
    linear: bool = False,
    filled: Size | None = None,
) -> pyvips.Image:
    """One frame at exactly this size in pixels; its depth, bands and colour space stay.

    ``filled`` is as in ``scaled``.
    """
    if (width, height) == (frame.width, frame.height):
        return frame
    if kernel == "nearest":
        return scaled(frame, width, height, kernel)
    space, depth = frame.interpretation, frame.format
    work = frame.colourspace("scrgb") if linear else frame
    if frame.hasalpha():
        # Else the colour of what cannot be seen would show at the edges of what can.
        work = work.premultiply()
        # In whole numbers, as libvips' thumbnail does it, this takes a third of the time.
        work = work if linear else work.cast(depth)
        work = scaled(work, width, height, kernel, filled=filled).unpremultiply()
        work = work if linear else work.cast(depth)
    else:
        work = scaled(work, width, height, kernel, filled=filled)
    return work.colourspace(space).cast(depth) if linear else work


def scaled(
    frame: pyvips.Image,
    width: int,
    height: int,
    kernel: Kernel = "lanczos3",
    *,
    filled: Size | None = None,
) -> pyvips.Image:
    """Every band by itself at exactly this size in pixels.

    ``filled`` is how much of the frame, from its top left corner, the picture truly fills, where that is no
    whole number: 1001 pixels decoded at half their size fill 500.5. Left out, it fills all of it.
    """
    whole = frame.width, frame.height
    across, down = (side / out for side, out in zip(filled or whole, (width, height), strict=True))
    if min(across, down) < 1 and kernel != "nearest":
        return _enlarged(frame, width, height, kernel)
    if filled in {None, whole} or min(across, down) < 1:
        return frame.resize(width / frame.width, vscale=height / frame.height, kernel=kernel)
    right, below = _margin(frame.width, across), _margin(frame.height, down)
    if right or below:
        frame = frame.embed(0, 0, frame.width + right, frame.height + below, extend="copy")
    reduced = frame.reducev(down, kernel=kernel, gap=GAP).reduceh(across, kernel=kernel, gap=GAP)
    return reduced.crop(0, 0, width, height)


def _enlarged(frame: pyvips.Image, width: int, height: int, kernel: Kernel) -> pyvips.Image:
    """With at least one side larger; that one by a cubic kernel unless ``linear`` is asked for."""
    import pyvips

    across, down = width / frame.width, height / frame.height
    if min(across, down) < 1:
        frame = frame.resize(min(across, 1), vscale=min(down, 1), kernel=kernel)
    # libvips' own resize has what it enlarges half a pixel too far to the right and too far down.
    return frame.affine(
        [max(across, 1), 0, 0, max(down, 1)],
        interpolate=pyvips.Interpolate.new("bilinear" if kernel == "linear" else "bicubic"),
        oarea=[0, 0, width, height],
        idx=0.5,
        idy=0.5,
        odx=-0.5,
        ody=-0.5,
        extend="copy",
        premultiplied=True,
    )


def _margin(side: int, shrink: float) -> int:
    """Pixels to add to a side, so that it is nearly a whole number of results.

    Else libvips cuts or invents the rest in equal parts at both ends, which shifts the picture.
    """

    def rest(margin: int) -> float:
        return abs(side + margin - shrink * round((side + margin) / shrink))

    return min(range(MARGINS), key=rest)


def resample_strip(strip: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """Every frame of an animation scaled down to exactly this size in pixels, none bleeding into the next."""
    if (width, height) == frame_size(strip):
        return strip
    strip = strip.copy_memory()
    depth, alpha = strip.format, strip.hasalpha() and not _opaque(strip)
    work = strip.premultiply().cast(depth) if alpha else strip
    work = _scaled_strip(work.copy(interpretation="multiband"), width, height)
    work = work.copy(interpretation=strip.interpretation)
    return work.unpremultiply().cast(depth) if alpha else work


def _scaled_strip(strip: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """Every band by itself.

    Columns are reduced with the frames beside each other and rows with the frames below each other: a frame
    never meets its neighbour, and all of them are done at once.
    """
    across, frame = strip.width, strip.get_page_height()
    frames = strip.height // frame
    # A box filter is slow on lines this long; the kernel alone is not, and blurs less.
    gap = GAP if frame > height * LONGEST_KERNEL else 0
    beside = strip.grid(frame, frames, 1).reducev(frame / height, gap=gap).copy_memory()
    below = strip_of([beside.crop(left, 0, across, height) for left in range(0, beside.width, across)])
    return below.reduceh(across / width, gap=GAP)


def _opaque(strip: pyvips.Image) -> bool:
    """Whether nothing shows through any frame, as in most animations that have an alpha channel."""
    full = 65535 if strip.format == "ushort" else 255
    first = strip.crop(0, 0, strip.width, strip.get_page_height())
    return all(bool(part[part.bands - 1].min() == full) for part in (first, strip))
