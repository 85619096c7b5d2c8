"""The pictures that steps refer to, beside the one that each takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pixelflow.domain.asset import JOB
from pixelflow.domain.errors import ImageError
from pixelflow.imaging.limits import check_references
from pixelflow.imaging.source import mapped, open_source
from pixelflow.imaging.srgb import SCALABLE
from pixelflow.operations.references import SOURCE, STEP
from pixelflow.operations.resampling import resample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

    import pyvips

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.source import Source
    from pixelflow.operations.base import Operation


class Pictures(Mapping[str, "pyvips.Image"]):
    """By reference, upright and in sRGB or grey: of a file the first frame, decoded when first asked for."""

    def __init__(
        self,
        source: Source,
        descriptors: Mapping[str, int],
        limits: ImageLimits,
        files: ExitStack,
        operations: Sequence[Operation] = (),
    ) -> None:
        self._source = source
        self._operations = operations
        self._pixels = 0
        self._descriptors = descriptors
        self._limits = limits
        self._files = files
        self._known: dict[str, pyvips.Image] = {}

    def keep(self, step: str, image: pyvips.Image) -> None:
        """A step's result, for those that refer to it."""
        self._known[STEP + step] = image

    def __getitem__(self, key: str) -> pyvips.Image:
        if key not in self._known:
            self._known[key] = self._decoded(key)
        return self._known[key]

    def _decoded(self, key: str) -> pyvips.Image:
        if key == SOURCE:
            # What was opened is read from its top once.
            return self._shrunk(key, open_source(self._source.data, self._limits))
        file = self._descriptors[key]
        try:
            data = self._files.enter_context(mapped(file, self._limits))
            return self._shrunk(key, open_source(data, self._limits))
        except ImageError as error:
            whose = f"the picture of {key}" if key.startswith(JOB) else f"asset {key}"
            raise ImageError(error.code, f"{whose}: {error.detail}") from error

    def _shrunk(self, key: str, source: Source) -> pyvips.Image:
        """Decoded no larger than the operations need that refer to it: many may lie in memory at once."""
        size = source.width, source.height
        users = [operation for operation in self._operations if key in operation.needs()]
        wanted = max(
            (one.reference_size(*size) for one in users), key=lambda box: box[0] * box[1], default=size
        )
        self._pixels += wanted[0] * wanted[1]
        check_references(self._pixels, self._limits)
        by = min(size[0] / wanted[0], size[1] / wanted[1])
        picture, _ = source.decode(by, reading="memory", animated=False, metadata=False)
        finish = picture.unfinished
        if wanted == size or (finish and picture.image.interpretation not in SCALABLE):
            picture.finish()
            return picture.image if wanted == size else resample(picture.image, *wanted).copy_memory()
        stored = (wanted[1], wanted[0]) if finish and source.turned else wanted
        small = resample(picture.image, *stored, filled=picture.filled)
        return (finish(small) if finish else small).copy_memory()

    def __iter__(self) -> Iterator[str]:
        return iter({**self._known, **self._descriptors, SOURCE: None})

    def __len__(self) -> int:
        return len(list(iter(self)))
