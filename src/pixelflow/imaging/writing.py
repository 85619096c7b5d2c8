"""Results into files, where the task says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pyvips

from pixelflow.domain.media import same_as
from pixelflow.imaging import memory, wire
from pixelflow.imaging.choice import Encoded, encoded
from pixelflow.imaging.limits import check_output
from pixelflow.imaging.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.source import Source
    from pixelflow.operations.encoding import Encoding
    from pixelflow.operations.pipeline import Step


@dataclass(frozen=True, slots=True)
class Writer:
    """Encodes what steps made, in the source's format where a step asks for the same."""

    source: Source
    limits: ImageLimits
    outputs: Mapping[str, int]
    """Descriptors of the files by step."""

    def write(self, step: Step, result: Any) -> wire.Made:
        """A step's file, whole; raises ImageError, MemoryError, and OSError when it cannot be written."""
        if isinstance(result, Picture):
            picture = result.converted() if step.encoding.searched else result
            file = self._file(picture, step.encoding)
            content, made = file.content, wire.Made(step.id, file.format, *picture.size, file.choice)
        else:
            content = result if isinstance(result, bytes) else msgspec.json.encode(result)
            made = wire.Made(step.id, step.operation.produces)
        check_output(len(content), self.limits, step.id)
        _fill(self.outputs[step.id], memoryview(content))
        return made

    def encoded(self, image: pyvips.Image, options: Encoding) -> tuple[bytes, str]:
        """An image's file and its format, for operations that make several."""
        file = self._file(Picture(image, (image.width, image.get_page_height())), options)
        return file.content, file.format

    def _file(self, picture: Picture, options: Encoding) -> Encoded:
        name = same_as(self.source.format) if options.format == "same" else options.format
        try:
            return encoded(picture, name, options)
        except (pyvips.Error, RuntimeError, OSError, MemoryError) as error:
            if picture.lazy:
                self.source.check()
            if memory.lacked(error, picture.size):
                sides = f"{picture.size[0]:,} × {picture.size[1]:,}"
                raise MemoryError(f"the {name} of {sides} pixels cannot be written") from error
            raise


def _fill(file: int, content: memoryview) -> None:
    """From its beginning, since a decoder that was killed may have written there."""
    written = 0
    while written < len(content):
        written += os.pwrite(file, content[written:], written)
    if os.fstat(file).st_size > written:
        os.ftruncate(file, written)
