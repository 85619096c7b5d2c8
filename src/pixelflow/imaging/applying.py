"""One operation, done to one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pixelflow.domain.errors import ImageError
from pixelflow.domain.media import DRAWN, PAGED
from pixelflow.imaging import srgb
from pixelflow.imaging.decoders.view import View
from pixelflow.imaging.limits import check_picture
from pixelflow.imaging.picture import SETTLED_PIXELS, Picture, Pixels, settled
from pixelflow.imaging.srgb import SCALABLE
from pixelflow.operations import gain_map
from pixelflow.operations.base import Context
from pixelflow.operations.frames import first_frame
from pixelflow.operations.resampling import resample, resample_strip

if TYPE_CHECKING:
    import pyvips

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.facts import SourceFacts
    from pixelflow.imaging.plan import Work
    from pixelflow.imaging.references import Pictures
    from pixelflow.imaging.source import Source
    from pixelflow.imaging.writing import Writer


@dataclass(frozen=True, slots=True)
class Applier:
    """Does operations with what a task has for them."""

    source: Source
    facts: SourceFacts
    pictures: Pictures
    limits: ImageLimits
    writer: Writer
    metadata: bool
    """Whether a later step reads the picture's metadata."""

    def apply(self, work: Work, given: Picture, size: tuple[int, int], *, shared: bool) -> Any:
        """The result of the operation: a picture, or what its JSON says; ``size`` is that of the picture of
        which the given one was made. Raises ImageError and pyvips.Error."""
        operation, wanted = work.operation, work.operation.target(*size)
        check_picture(*wanted, self.limits, step=work.id)
        scaled = operation.scaled(*size)
        # An operation scales each frame by itself, and does not know of pixels that are only partly filled.
        if scaled and (operation.pure_resize or given.filled or _moves(given.image)):
            found = self._scaled(given, scaled)
            if operation.pure_resize:
                return self._result(work, found, shared=shared)
            image = found.image if isinstance(found, Pixels) else found
        else:
            given.finish()
            image = given.image
        if srgb.native(image) and not operation.leaves_colors:
            image = srgb.convert(image)
        if not operation.animated and _moves(image):
            raise ImageError("invalid", f"{operation.action} cannot be done to an animation")
        original = work.steps[0].source is None
        page = self._page if original and self.source.format in PAGED | DRAWN else None
        context = Context(self.pictures, self.facts, work.id, size, original, page, self.writer.encoded)
        found = operation.apply(image, context)
        if operation.produces == "image":
            found = gain_map.followed(operation, image, found, context)
        return self._result(work, found, shared=shared) if operation.produces == "image" else found

    def _page(self, number: int, dpi: float | None) -> pyvips.Image:
        return self.source.page(View(number, dpi))

    def _scaled(self, given: Picture, wanted: tuple[int, int]) -> pyvips.Image | Pixels:
        """The whole picture at this size, finished."""
        if given.unfinished is None and given.pixels is not None:
            return given.pixels.scaled(*wanted, given.filled)
        if (
            given.unfinished is not None
            and self.source.frames == 1
            and given.image.interpretation in SCALABLE
        ):
            stored = (wanted[1], wanted[0]) if self.source.turned else wanted
            return given.unfinished(resample(given.image, *stored, filled=given.filled))
        given.finish()
        if _moves(given.image):
            return resample_strip(given.image, *wanted)
        return resample(first_frame(given.image), *wanted, filled=given.filled)

    def _result(self, work: Work, made: pyvips.Image | Pixels, *, shared: bool) -> Picture:
        if isinstance(made, Pixels):
            return Picture(made, (made.width, made.height))
        frame = made.width, made.get_page_height()
        check_picture(*frame, self.limits, frames=made.height // frame[1], step=work.id)
        if made.width * made.height > SETTLED_PIXELS and not shared:
            return Picture(made, frame, lazy=True)
        return Picture(settled(made, metadata=self.metadata), frame)


def _moves(image: pyvips.Image) -> bool:
    return bool(image.get_page_height() < image.height)
