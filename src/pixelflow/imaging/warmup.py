"""Everything that is loaded at its first use, used once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pyvips

from pixelflow.domain.limits import ImageLimits
from pixelflow.domain.media import WRITABLE
from pixelflow.imaging import wire
from pixelflow.operations.registry import operations

if TYPE_CHECKING:
    Render = Callable[[wire.Task, int, Sequence[int], Sequence[int], Callable[[int], None]], wire.Finished]

_SIDE = 16


def run(render: Render) -> None:
    """Every codec in both directions, a scaling, a profile, a text, and every operation's model built."""
    wedge = pyvips.Image.xyz(_SIDE, _SIDE)[0].linear(255 / _SIDE, 0).cast("uchar")
    picture = wedge.bandjoin([wedge, wedge]).copy(interpretation="srgb")
    picture.icc_transform("p3").avg()
    picture.icc_transform("cmyk").avg()
    pyvips.Image.text("Ag", font="Noto Sans 12").avg()
    pyvips.Image.text("Ag", font="Noto Sans Bold 12").avg()
    for model in operations().values():
        model.model_rebuild()
    made = _done(render, picture.pngsave_buffer(), WRITABLE)
    for file in made:
        _done(render, file, ("jpeg",))


def _done(render: Render, content: bytes, formats: Sequence[str]) -> list[bytes]:
    steps: list[dict[str, Any]] = [
        {"id": name, "action": "thumbnail", "width": _SIDE // 2, "format": name} for name in formats
    ]
    source, *outputs = [os.memfd_create("warmup") for _ in range(1 + len(steps))]
    try:
        os.write(source, content)
        render(wire.Task(steps, [], list(formats), ImageLimits()), source, [], outputs, lambda _: None)
        return [os.pread(output, os.fstat(output).st_size, 0) for output in outputs]
    finally:
        for descriptor in (source, *outputs):
            os.close(descriptor)
