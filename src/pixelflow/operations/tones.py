"""How light and dark are spread; alpha stays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from pixelflow.operations.base import Context, Length, Operation, pixels
from pixelflow.operations.frames import each_frame
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.surface import ceiling, grey, with_alpha_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyvips

    from pixelflow.operations.outline import Outline

_LIGHTNESS_STEPS = 65535 / 100
"""Bins of a histogram of CIE lightness, for each of its 100 units."""
_LEAST_SPREAD = 1.0
"""A picture whose lightness differs by no more than this is flat: stretched, it would show but noise."""


class Gamma(Operation):
    """Brighten or darken the middle tones; black and white stay."""

    action = "gamma"
    family = "tones"
    streams = True

    value: float = Field(default=2.2, ge=0.1, le=5)
    """Each value, as a fraction of white, is raised to the power of 1 / value: above 1 brightens, below
    darkens."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        import pyvips

        def raised(colors: pyvips.Image) -> pyvips.Image:
            white = ceiling(colors)
            fractions = pyvips.Image.identity(ushort=colors.format == "ushort", size=white + 1) / white
            return colors.maplut((fractions ** (1 / self.value) * white).rint().cast(colors.format))

        return with_alpha_apart(image, raised)


class Threshold(Operation):
    """Make what is light white and all else black; the result is grey."""

    action = "threshold"
    family = "tones"
    streams = True

    value: int = Field(default=128, ge=0, le=255)
    """The least luminance, as an 8-bit grey value, that becomes white; at 0 all does."""

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return replace(given, color=False)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        def split(light: pyvips.Image) -> pyvips.Image:
            scale = ceiling(light) // 255
            white = light >= self.value * scale
            return white if scale == 1 else (white * scale).cast(light.format)

        return with_alpha_apart(grey(image), split)


class Normalize(Operation):
    """Stretch lightness (CIE L*) to all there is from black to white; a flat picture stays as it is.

    Colours keep their chroma, and pixels count by how opaque they are.
    """

    action = "normalize"
    family = "tones"

    lower: float = Field(default=1, ge=0, le=99)
    """The percentile of lightness that becomes black: of 100 pixels so many may be darker."""
    upper: float = Field(default=99, ge=1, le=100)
    """The percentile of lightness that becomes white."""

    @model_validator(mode="after")
    def _consistent(self) -> Normalize:
        if self.lower >= self.upper:
            raise Contradiction("lower is below upper", "lower", "upper")
        return self

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return each_frame(image.copy_memory(), self._stretched)

    def _stretched(self, frame: pyvips.Image) -> pyvips.Image:
        found = _lightness(frame) * _LIGHTNESS_STEPS
        counts = _histogram(found.rint().cast("ushort"), frame).hist_cum()
        total = counts.max()
        dark = _share(counts <= total * self.lower / 100) / _LIGHTNESS_STEPS
        light = _share(counts < total * self.upper / 100) / _LIGHTNESS_STEPS
        if light - dark <= _LEAST_SPREAD:
            return frame
        by = 100 / (light - dark)
        return _relit(frame, lambda lightness: (lightness - dark) * by)


class Equalize(Operation):
    """Even out how often each value occurs, in each colour channel by itself; a flat one stays as it is.

    Pixels count by how opaque they are.
    """

    action = "equalize"
    family = "tones"

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return each_frame(image.copy_memory(), _evened)


class Clahe(Operation):
    """Bring out local contrast by contrast-limited adaptive histogram equalization of lightness (CIE L*).

    Each pixel is set against the window around it (Zuiderveld, Graphics Gems IV, 1994).
    """

    action = "clahe"
    family = "tones"

    width: Length
    """The window's width, in pixels or as a percentage of the picture's; it ends where the picture does."""
    height: Length
    """The window's height, in pixels or as a percentage of the picture's."""
    max_slope: int = Field(default=3, ge=0, le=100)
    """How many pixels of a window count at most for one of 256 levels, as in sharp and libvips: the more, the
    more contrast; 0 sets no limit."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return each_frame(image.copy_memory(), self._clearer)

    def _clearer(self, frame: pyvips.Image) -> pyvips.Image:
        width = min(frame.width, pixels(self.width, frame.width))
        height = min(frame.height, pixels(self.height, frame.height))

        def clearer(lightness: pyvips.Image) -> pyvips.Image:
            # libvips does it to 8 bits only: what is finer than these is carried over.
            known = (lightness * 2.55).rint().cast("uchar").copy_memory()
            return lightness + (known.hist_local(width, height, max_slope=self.max_slope) - known) / 2.55

        return _relit(frame, clearer)


def _relit(frame: pyvips.Image, work: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """``work`` done on CIE lightness, floats of 0–100; chroma and alpha stay."""

    def done(colors: pyvips.Image) -> pyvips.Image:
        lab = colors.colourspace("lab")
        lit = work(lab[0]).bandjoin(lab[1:]).copy(interpretation="lab")
        return lit.colourspace(colors.interpretation).cast(colors.format)

    return with_alpha_apart(frame, done)


def _lightness(frame: pyvips.Image) -> pyvips.Image:
    colors = frame[: frame.bands - 1] if frame.hasalpha() else frame
    return colors.colourspace("lab")[0]


def _evened(frame: pyvips.Image) -> pyvips.Image:
    import numpy as np
    import pyvips

    def evened(colors: pyvips.Image) -> pyvips.Image:
        counts = _histogram(colors, frame).hist_cum().numpy().reshape(-1, colors.bands).astype(float)
        total = counts[-1]
        least = np.where(counts > 0, counts, total).min(axis=0)
        ranks = (counts - least) / np.maximum(total - least, 1) * ceiling(colors)
        table = np.where(least < total, ranks, np.arange(len(counts))[:, None]).clip(min=0).round()
        made = colors.maplut(pyvips.Image.new_from_array(table[None]).cast(colors.format))
        return made.copy(interpretation=colors.interpretation)

    return with_alpha_apart(frame, evened)


def _histogram(colors: pyvips.Image, frame: pyvips.Image) -> pyvips.Image:
    """How often each value occurs in each channel of a frame, every pixel counted by its alpha."""
    if not frame.hasalpha():
        return colors.hist_find()
    alpha = frame[frame.bands - 1]
    return _joined([alpha.hist_find_indexed(channel) for channel in colors.bandsplit()])


def _share(chosen: pyvips.Image) -> int:
    """How many bins were chosen."""
    return round(float(chosen.avg()) / 255 * int(chosen.width))


def _joined(bands: list[pyvips.Image]) -> pyvips.Image:
    return bands[0].bandjoin(bands[1:]) if len(bands) > 1 else bands[0]


OPERATIONS = [Gamma, Threshold, Normalize, Equalize, Clahe]
