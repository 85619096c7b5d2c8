"""The pictures that steps refer to, beside the one that each takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pixelflow.domain.asset import JOB
from pixelflow.domain.errors import ImageError
from pixelflow.imaging.source import mapped, open_source
from pixelflow.operations.references import SOURCE, STEP

if TYPE_CHECKING:
    from contextlib import ExitStack

    import pyvips

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.source import Source


class Pictures(Mapping[str, "pyvips.Image"]):
    """By reference, upright and in sRGB or grey: of a file the first frame, decoded when first asked for."""

    def __init__(
        self, source: Source, descriptors: Mapping[str, int], limits: ImageLimits, files: ExitStack
    ) -> None:
        self._source = source
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
            return _decoded(open_source(self._source.data, self._limits))
        file = self._descriptors[key]
        try:
            return _decoded(open_source(self._files.enter_context(mapped(file, self._limits)), self._limits))
        except ImageError as error:
            whose = f"the picture of {key}" if key.startswith(JOB) else f"asset {key}"
            raise ImageError(error.code, f"{whose}: {error.detail}") from error

    def __iter__(self) -> Iterator[str]:
        return iter({**self._known, **self._descriptors, SOURCE: None})

    def __len__(self) -> int:
        return len(list(iter(self)))


def _decoded(source: Source) -> pyvips.Image:
    picture, _ = source.decode(1.0, reading="memory", animated=False, metadata=False)
    picture.finish()
    return picture.image
