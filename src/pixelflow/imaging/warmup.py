"""Everything that is loaded at its first use, used once."""

from __future__ import annotations

import os
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pyvips
from PIL import Image

from pixelflow.domain.installed import readable, writable
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import wire
from pixelflow.operations import faces, fonts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Render = Callable[[wire.Task, int, Sequence[int], Sequence[int], Callable[[int], None]], wire.Finished]

_SIDE = 16
_PAGE = b"""%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 16 16] /Contents 4 0 R
/Resources <</Font <</F 5 0 R>>>>>> endobj
4 0 obj <</Length 40>> stream
1 0 0 rg 0 0 8 8 re f BT /F 8 Tf (A) Tj ET
endstream endobj
5 0 obj <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>> endobj
trailer <</Root 1 0 R>>
%%EOF"""
_MOVING = ("avif", "apng")
"""What other encoders write when it moves."""
_ONLY_READ = ("BMP", "ICO", "JPEG2000")
"""What Pillow alone writes, by its names."""
SCRATCH = 1 + len(writable()) + 1 + len(_MOVING) + 2 * (len(writable()) + len(_MOVING) + len(_ONLY_READ) + 1)
"""Files that it takes at most: a still and what is made of it in every format, the same of an animation, then
each file to read and its result."""


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
    moving = picture.join(picture.invert(), "vertical").copy()
    moving.set_type(pyvips.GValue.gint_type, "page-height", _SIDE)
    files = _done(render, picture.pngsave_buffer(), writable(), empty)
    files += _done(render, moving.gifsave_buffer(), _MOVING, empty)
    files += [_written(name) for name in _ONLY_READ]
    if "pdf" in readable():
        files.append(_PAGE)
    for file in files:
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
