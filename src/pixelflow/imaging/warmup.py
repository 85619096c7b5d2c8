"""Everything that is loaded at its first use, used once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pyvips

from pixelflow.domain.limits import ImageLimits
from pixelflow.domain.media import WRITABLE
from pixelflow.imaging import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Render = Callable[[wire.Task, int, Sequence[int], Sequence[int], Callable[[int], None]], wire.Finished]

_SIDE = 16
SCRATCH = 1 + len(WRITABLE) + 2 * len(WRITABLE)
"""Files that it takes: a source and what is made of it in every format, then each of these and its result."""


def run(render: Render, scratch: Sequence[int]) -> None:
    """Every codec in both directions, a scaling, profiles and a text; ``scratch`` are empty files."""
    empty = iter(scratch)
    wedge = pyvips.Image.xyz(_SIDE, _SIDE)[0].linear(255 / _SIDE, 0).cast("uchar")
    picture = wedge.bandjoin([wedge, wedge]).copy(interpretation="srgb")
    picture.icc_transform("p3").avg()
    picture.icc_transform("cmyk").avg()
    pyvips.Image.text("Ag", font="Noto Sans 12").avg()
    pyvips.Image.text("Ag", font="Noto Sans Bold 12").avg()
    made = _done(render, picture.pngsave_buffer(), WRITABLE, empty)
    for file in made:
        _done(render, file, ("jpeg",), empty)


def _done(render: Render, content: bytes, formats: Sequence[str], empty: Iterator[int]) -> list[bytes]:
    steps: list[dict[str, Any]] = [
        {"id": name, "action": "thumbnail", "width": _SIDE // 2, "format": name} for name in formats
    ]
    source, *outputs = [next(empty) for _ in range(1 + len(steps))]
    os.write(source, content)
    render(wire.Task(steps, [], list(formats), ImageLimits()), source, [], outputs, lambda _: None)
    return [os.pread(output, os.fstat(output).st_size, 0) for output in outputs]
