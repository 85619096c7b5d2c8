"""Files through the decoder's own rendering, in this process."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from PIL import Image

from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import render, wire
from pixelflow.imaging.prediction import Origin
from pixelflow.worker.probe import origin_of

SHARED = Path(__file__).parents[3] / "shared" / "images"
"""Real pictures, where there are any."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What came out: files by step, and what was said of them."""

    files: Mapping[str, bytes]
    finished: wire.Finished
    progress: Sequence[int]

    @property
    def file(self) -> bytes:
        """The only output."""
        (content,) = self.files.values()
        return content

    @property
    def picture(self) -> Image.Image:
        """The only output as Pillow decodes it."""
        return Image.open(BytesIO(self.file))

    @property
    def pixels(self) -> Any:
        """The only output's pixels."""
        return np.asarray(self.picture)


def rendered(
    source: bytes, *steps: dict[str, Any], assets: Mapping[str, bytes] | None = None, **limits: Any
) -> Rendered:
    """Do these steps, called s1, s2, … unless they are named; raises as ``render`` does."""
    _prepared()
    named = [{"id": f"s{number}", **step} for number, step in enumerate(steps, 1)]
    outputs = [step["id"] for step in named if step.get("output", True)]
    progress: list[int] = []
    contents = [source, *(assets or {}).values(), *(b"" for _ in outputs)]
    with ExitStack() as stack:
        files = [stack.enter_context(TemporaryFile()) for _ in contents]
        for file, content in zip(files, contents, strict=True):
            file.write(content)
            file.flush()
        numbers = [file.fileno() for file in files]
        given = 1 + len(assets or ())
        task = wire.Task(named, list(assets or ()), outputs, ImageLimits(**limits))
        finished = render.render(task, numbers[0], numbers[1:given], numbers[given:], progress.append)
        written = [os.pread(number, os.fstat(number).st_size, 0) for number in numbers[given:]]
    made = {one.step for one in finished.made}
    return Rendered(
        {name: content for name, content in zip(outputs, written, strict=True) if name in made},
        finished,
        progress,
    )


def probed(source: bytes) -> Origin:
    """What a file's header tells of it; raises as ``render`` does."""
    _prepared()
    with TemporaryFile() as file:
        file.write(source)
        file.flush()
        task = wire.Task([], [], [], ImageLimits())
        return origin_of(render.render(task, file.fileno(), [], [], lambda _: None).source)


@cache
def _prepared() -> Mapping[str, str]:
    return render.prepare()
