"""Operations on arrays of pixels, without files and cages."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyvips

from pixelflow.operations.base import Context, Operation
from pixelflow.operations.pipeline import parse

Pixels = np.ndarray[Any, np.dtype[Any]]
SPACES = {
    ("uint8", False): "b-w",
    ("uint8", True): "srgb",
    ("uint16", False): "grey16",
    ("uint16", True): "rgb16",
}


def operation(action: str, /, **parameters: Any) -> Operation:
    """The checked operation."""
    return parse([{"id": "step", "action": action, **parameters}]).steps[0].operation


def still(pixels: Pixels) -> pyvips.Image:
    """Height × width × bands as an image in sRGB or grey, with alpha if the bands are even."""
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    space = SPACES[str(pixels.dtype), pixels.shape[2] > 2]
    return pyvips.Image.new_from_array(np.ascontiguousarray(pixels)).copy(interpretation=space)


def animation(frames: Sequence[Pixels]) -> pyvips.Image:
    """Frames of one size as libvips has an animation."""
    image = still(np.concatenate(list(frames)))
    image.set_type(pyvips.GValue.gint_type, "page-height", frames[0].shape[0])
    return image


def pixels(image: pyvips.Image) -> Pixels:
    """Height × width × bands."""
    return np.asarray(image.numpy()).reshape(image.height, image.width, image.bands)


def frames(image: pyvips.Image) -> list[Pixels]:
    """The frames of an animation."""
    return list(np.split(pixels(image), image.height // image.get_page_height()))


def apply(
    image: pyvips.Image, action: str, /, assets: Mapping[str, pyvips.Image] | None = None, **parameters: Any
) -> Any:
    """What an operation makes of an image."""
    size = image.width, image.get_page_height()
    return operation(action, **parameters).apply(image, Context(assets=assets or {}, step="step", size=size))


def applied(
    source: Pixels, action: str, /, assets: Mapping[str, pyvips.Image] | None = None, **parameters: Any
) -> Pixels:
    """What an operation makes of a still."""
    return pixels(apply(still(source), action, assets, **parameters))


def psnr(found: Pixels, wanted: Pixels, peak: float = 255) -> float:
    """Peak signal-to-noise ratio in decibels; infinite when there is no difference."""
    error = np.mean((found.astype(float) - wanted.astype(float)) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(peak * peak / error))
