"""How far two files' pixels are apart."""

import math

import pyvips

PEAK = 255.0
_BEHIND = 128
"""Grey that transparency lies on: what is hidden does not count."""


def psnr(one: bytes, other: bytes) -> float | None:
    """Peak signal-to-noise ratio of the first frames in sRGB, 8 bits, in decibels; infinite for equal pixels,
    ``None`` where the sides differ or one of them cannot be read."""
    try:
        first, second = _plain(one), _plain(other)
        if (first.width, first.height) != (second.width, second.height):
            return None
        error = ((first - second) ** 2).avg()
    except pyvips.Error:
        return None
    return math.inf if error == 0 else 10 * math.log10(PEAK**2 / error)


def _plain(file: bytes) -> pyvips.Image:
    image = pyvips.Image.new_from_buffer(file, "").colourspace("srgb")
    if image.hasalpha():
        image = image.flatten(background=[_BEHIND] * 3)
    return image.cast("uchar")
