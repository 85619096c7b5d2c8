"""Everything that is loaded at its first use, used once."""

from __future__ import annotations

import os
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pyvips
from PIL import Image

from pixelflow.domain.installed import writable
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import wire
from pixelflow.operations import faces, fonts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Render = Callable[[wire.Task, int, Sequence[int], Sequence[int], Callable[[int], None]], wire.Finished]

_SIDE = 16
_READ_ONLY = ("BMP", "ICO", "JPEG2000")
"""What only Pillow writes, by its names."""
SCRATCH = 1 + len(writable()) + 2 * (len(writable()) + len(_READ_ONLY))
"""Files that it takes: a source and what is made of it in every format, then each file to read and its
result."""


def run(render: Render, scratch: Sequence[int]) -> None:
    """Every codec in both directions, a scaling, profiles and a text; ``scratch`` are empty files."""
    empty = iter(scratch)
    wedge = pyvips.Image.xyz(_SIDE, _SIDE)[0].linear(255 / _SIDE, 0).cast("uchar")
    picture = wedge.bandjoin([wedge, wedge]).copy(interpretation="srgb")
    picture.icc_transform("p3").avg()
    picture.icc_transform("cmyk").avg()
    fonts.load()
    if faces.installed():
        faces.found(picture)
    made = _done(render, picture.pngsave_buffer(), writable(), empty)
    for file in (*made, *(_written(name) for name in _READ_ONLY)):
        _done(render, file, ("jpeg",), empty)


def _written(name: str) -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize((_SIDE, _SIDE)).convert("RGB").save(file, name)
    return file.getvalue()


def _done(render: Render, content: bytes, formats: Sequence[str], empty: Iterator[int]) -> list[bytes]:
    steps: list[dict[str, Any]] = [
        {"id": name, "action": "thumbnail", "width": _SIDE // 2, "format": name} for name in formats
    ]
    source, *outputs = [next(empty) for _ in range(1 + len(steps))]
    os.write(source, content)
    render(wire.Task(steps, [], list(formats), ImageLimits()), source, [], outputs, lambda _: None)
    return [os.pread(output, os.fstat(output).st_size, 0) for output in outputs]
