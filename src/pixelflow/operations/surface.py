"""The ground that a picture lies on: its bands, its edge, its surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixelflow.operations.color import rgba
from pixelflow.operations.frames import each_frame, first_frame
from pixelflow.operations.gaussian import blurred
from pixelflow.operations.resampling import resample

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyvips

_BACKDROP_PIXELS = 128
"""Longest side at which a blurred backdrop is made: nothing finer would be seen in it."""
_BACKDROP_SIGMA = 4.0


def ready_for(image: pyvips.Image, color: str) -> tuple[pyvips.Image, list[float]]:
    """The image with the bands that the colour needs, and the colour's value in each of them."""
    red, green, blue, alpha = rgba(color)
    if not red == green == blue:
        image = colored(image)
    if alpha < 255 and not image.hasalpha():
        image = image.addalpha()
    values = [red, green, blue] if has_color(image) else [red]
    if image.hasalpha():
        values.append(alpha)
    scale = ceiling(image) / 255
    return image, [value * scale for value in values]


def has_color(image: pyvips.Image) -> bool:
    """Whether it has more than grey and alpha."""
    return bool(image.bands >= 3)


def colored(image: pyvips.Image) -> pyvips.Image:
    """With red, green and blue, grey or not; depth and alpha stay."""
    return image if has_color(image) else image.colourspace("rgb16" if image.format == "ushort" else "srgb")


def grey(image: pyvips.Image) -> pyvips.Image:
    """The luminance only; depth and alpha stay."""
    return image.colourspace("grey16" if image.format == "ushort" else "b-w") if has_color(image) else image


def ceiling(image: pyvips.Image) -> int:
    """The value of white, and of opaque."""
    return 65535 if image.format == "ushort" else 255


def on_canvas(image: pyvips.Image, x: int, y: int, width: int, height: int, backdrop: str) -> pyvips.Image:
    """Each frame with its top left at x, y of a canvas of this size in pixels; takes any ``Backdrop``."""
    if backdrop == "blur":
        return each_frame(image.copy_memory(), lambda frame: _on_blurred(frame, x, y, width, height))
    if backdrop == "auto":
        image = image.copy_memory()
        values = edge_color(first_frame(image))
    else:
        image, values = ready_for(image, backdrop)
    return each_frame(
        image, lambda frame: frame.embed(x, y, width, height, extend="background", background=values)
    )


def edge_color(frame: pyvips.Image) -> list[float]:
    """The mean of the outermost pixels, a value for each band; the image must be in memory."""
    width, height, full = frame.width, frame.height, ceiling(frame)
    alpha = frame.hasalpha()
    frame = frame.premultiply() if alpha else frame
    edges = [
        frame.crop(0, 0, width, 1),
        frame.crop(0, height - 1, width, 1),
        frame.crop(0, 0, 1, height),
        frame.crop(width - 1, 0, 1, height),
    ]
    sums = [0.0] * frame.bands
    for edge in edges:
        stats = edge.stats()
        sums = [total + stats(2, band + 1)[0] for band, total in enumerate(sums)]
    means = [total / (2 * (width + height)) for total in sums]
    if not alpha:
        return means
    opacity = means[-1]
    return [mean * full / opacity if opacity else 0.0 for mean in means[:-1]] + [opacity]


def _on_blurred(frame: pyvips.Image, x: int, y: int, width: int, height: int) -> pyvips.Image:
    small_scale = min(1.0, _BACKDROP_PIXELS / max(width, height))
    small = max(1, round(width * small_scale)), max(1, round(height * small_scale))
    cover = max(small[0] / frame.width, small[1] / frame.height)
    covering = max(small[0], round(frame.width * cover)), max(small[1], round(frame.height * cover))
    ground = resample(frame, *covering).crop(
        (covering[0] - small[0]) // 2, (covering[1] - small[1]) // 2, *small
    )
    ground = blurred(ground, _BACKDROP_SIGMA)
    ground = resample(ground, width, height, "cubic")
    if not frame.hasalpha():
        return ground.insert(frame, x, y)
    return ground.composite2(frame, "over", x=x, y=y).cast(frame.format)


def with_alpha_apart(image: pyvips.Image, work: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """``work`` done on all bands but alpha, which stays bit for bit."""
    if not image.hasalpha():
        return work(image)
    last = image.bands - 1
    return work(image[:last]).bandjoin(image[last])
