"""BlurHash and ThumbHash: the lowest frequencies of a picture, to show a blur before it has come.

Pixels are rows of 8-bit sRGB, height × width × 3 (RGB) or 4 (RGBA).
"""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

_BASE83 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
_NOTHING = 1e-9
"""An amplitude below this is what rounding left of none."""


def blurhash(rgb: Array, across: int, down: int) -> str:
    """The BlurHash with this many components (https://github.com/woltapp/blurhash, Algorithm.md)."""
    import numpy as np

    height, width, _ = rgb.shape
    value = rgb / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    columns = np.cos(pi * np.outer(np.arange(across), np.arange(width)) / width)
    rows = np.cos(pi * np.outer(np.arange(down), np.arange(height)) / height)
    waves = np.einsum("jy,yxc,ix->jic", rows, linear, columns).reshape(-1, 3) / (width * height)
    mean, rest = waves[0], 2 * waves[1:]
    largest = float(abs(rest).max(initial=0))
    step = int(np.clip(np.floor(largest * 166 - 0.5), 0, 82))
    most = (step + 1) / 166 if len(rest) else 1.0
    level = np.clip(np.floor(np.sign(rest) * abs(rest / most) ** 0.5 * 9 + 9.5), 0, 18).astype(int)
    curve = np.where(mean <= 0.0031308, mean * 12.92, 1.055 * abs(mean) ** (1 / 2.4) - 0.055)
    red, green, blue = np.floor(curve.clip(0, 1) * 255 + 0.5).astype(int)
    digits = [_base83(across - 1 + 9 * (down - 1), 1), _base83(step if len(rest) else 0, 1)]
    digits.append(_base83(int(red) << 16 | int(green) << 8 | int(blue), 4))
    digits += [_base83(int(r) * 19 * 19 + int(g) * 19 + int(b), 2) for r, g, b in level]
    return "".join(digits)


def _base83(value: int, length: int) -> str:
    return "".join(_BASE83[value // 83**place % 83] for place in reversed(range(length)))


def thumbhash(rgba: Array) -> bytes:
    """The ThumbHash of at most 100 × 100 pixels, by Evan Wallace (https://evanw.github.io/thumbhash)."""

    height, width, _ = rgba.shape
    alpha = rgba[..., 3] / 255
    colors = rgba[..., :3] / 255
    total = float(alpha.sum())
    mean = (colors * alpha[..., None]).sum((0, 1)) / (total or 1)
    seen = mean * (1 - alpha[..., None]) + colors * alpha[..., None]
    red, green, blue = seen[..., 0], seen[..., 1], seen[..., 2]
    opaque = bool(rgba[..., 3].min() == 255)
    most, longer = 7 if opaque else 5, max(width, height)
    across, down = (max(1, _round(most * side / longer)) for side in (width, height))
    light, light_waves, light_scale = _waves((red + green + blue) / 3, max(3, across), max(3, down))
    yellow, yellow_waves, yellow_scale = _waves((red + green) / 2 - blue, 3, 3)
    ruddy, ruddy_waves, ruddy_scale = _waves(red - green, 3, 3)
    landscape = width > height
    head = (
        _round(63 * light)
        | _round(31.5 + 31.5 * yellow) << 6
        | _round(31.5 + 31.5 * ruddy) << 12
        | _round(31 * light_scale) << 18
        | (not opaque) << 23
        | (down if landscape else across) << 24
        | _round(63 * yellow_scale) << 27
        | _round(63 * ruddy_scale) << 33
        | landscape << 39
    )
    waves = [*light_waves, *yellow_waves, *ruddy_waves]
    made: bytes = head.to_bytes(5, "little")
    if not opaque:
        cover, cover_waves, cover_scale = _waves(alpha, 5, 5)
        made += bytes([_round(15 * cover) | _round(15 * cover_scale) << 4])
        waves += cover_waves
    return made + _nibbles(_round(15 * wave) for wave in waves)


def _waves(channel: Array, across: int, down: int) -> tuple[float, list[float], float]:
    """The mean, the amplitudes of the lowest waves as 0–1 of the largest, and the largest."""
    import numpy as np

    height, width = channel.shape
    columns = np.cos(pi / width * np.outer(np.arange(across), np.arange(width) + 0.5))
    rows = np.cos(pi / height * np.outer(np.arange(down), np.arange(height) + 0.5))
    found = rows @ channel @ columns.T / (width * height)
    kept = [
        float(found[y, x])
        for y in range(down)
        for x in range(across)
        if (x or y) and x * down < across * (down - y)
    ]
    scale = max(map(abs, kept))
    if scale < _NOTHING:
        return float(found[0, 0]), [0.0] * len(kept), 0.0
    return float(found[0, 0]), [0.5 + 0.5 / scale * wave for wave in kept], scale


def _round(value: float) -> int:
    return int(value + 0.5)


def _nibbles(values: Iterable[int]) -> bytes:
    """Two a byte, the first one low."""
    low_first = list(values)
    low_first += [0] * (len(low_first) % 2)
    return bytes(low | high << 4 for low, high in zip(low_first[::2], low_first[1::2], strict=True))
