"""Frames of several pictures on their way into one: how each is fitted to its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pixelflow.operations.color import rgba
from pixelflow.operations.frames import DELAYS, separate
from pixelflow.operations.resampling import resample
from pixelflow.operations.spellings import spelled
from pixelflow.operations.surface import ceiling, colored

if TYPE_CHECKING:
    import pyvips

DEFAULT_DELAY = 500
"""Milliseconds."""

Fit = Annotated[
    Literal["contain", "cover", "fill"],
    spelled(contain="inside fit pad letterbox", cover="crop", fill="stretch force"),
]


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame, the true size of what it shows, and its milliseconds if it is one of an animation."""

    frame: pyvips.Image
    size: tuple[int, int]
    delay: int | None = None

    def fitted(self, place: tuple[int, int], fit: str) -> pyvips.Image:
        """At exactly this size in pixels; with alpha where it does not fill it."""
        size = fitted_size(self.size, place, fit)
        frame = resample(self.frame, *size)
        x, y = (place[0] - size[0]) // 2, (place[1] - size[1]) // 2
        if fit == "cover":
            return frame.crop(-x, -y, *place)
        return frame if size == place else with_alpha(frame).embed(x, y, *place)


def fitted_size(size: tuple[int, int], place: tuple[int, int], fit: str) -> tuple[int, int]:
    """What a picture of this size is scaled to, in pixels, before it is cut or set into its place."""
    if fit == "fill":
        return place
    by = (min if fit == "contain" else max)(place[0] / size[0], place[1] / size[1])
    scaled = max(1, round(size[0] * by)), max(1, round(size[1] * by))
    if fit == "cover":
        return max(scaled[0], place[0]), max(scaled[1], place[1])
    return min(scaled[0], place[0]), min(scaled[1], place[1])


def shrunk_by(size: tuple[int, int], place: tuple[int, int] | None, fit: str) -> float:
    """By how much a picture of this size is scaled down at least on either side."""
    if place is None:
        return 1.0
    scaled = fitted_size(size, place, fit)
    return max(1.0, min(size[0] / scaled[0], size[1] / scaled[1]))


def shown(picture: pyvips.Image, size: tuple[int, int]) -> list[Shown]:
    """Each frame of a picture whose frames truly have this size, with red, green and blue."""
    frames = separate(picture)
    if len(frames) == 1:
        return [Shown(colored(frames[0]), size)]
    delays = picture.get(DELAYS) if picture.get_typeof(DELAYS) else []
    delays = delays if len(delays) == len(frames) else [DEFAULT_DELAY] * len(frames)
    return [Shown(colored(frame), size, delay) for frame, delay in zip(frames, delays, strict=True)]


def deep(frame: pyvips.Image) -> pyvips.Image:
    """With 16 bits a channel."""
    return frame if frame.format == "ushort" else frame.colourspace("rgb16")


def with_alpha(frame: pyvips.Image) -> pyvips.Image:
    """Opaque where nothing else was said."""
    return frame if frame.hasalpha() else frame.addalpha()


def on_ground(image: pyvips.Image, color: str) -> pyvips.Image:
    """Red, green, blue and alpha with a colour behind; the alpha goes if that is opaque."""
    red, green, blue, alpha = rgba(color)
    by = ceiling(image) / 255
    if alpha == 0:
        return image
    if alpha == 255:
        return image.flatten(background=[red * by, green * by, blue * by])
    values = [red * by, green * by, blue * by, alpha * by]
    ground = image.new_from_image(values).copy(interpretation=image.interpretation)
    # Given whole numbers libvips would cut off what comes after the point.
    return ground.cast("float").composite2(image.cast("float"), "over").rint().cast(image.format)
