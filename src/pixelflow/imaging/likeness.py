"""How near the files of a picture look to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from mmap import mmap
from typing import TYPE_CHECKING

import pyvips

from pixelflow.domain.limits import ImageLimits
from pixelflow.domain.media import BY_NAME
from pixelflow.imaging import similarity
from pixelflow.imaging.decoders.choice import DECODERS
from pixelflow.imaging.decoders.motion import played
from pixelflow.imaging.decoders.view import WHOLE
from pixelflow.imaging.profile import written
from pixelflow.operations.frames import frame_at

if TYPE_CHECKING:
    from collections.abc import Mapping

_DRAWN = 0.5
"""Share of pixels that are as their left neighbour from which on a picture is drawn rather than taken: files
without loss are worth trying."""
_FRAMES = 5
"""Frames of an animation that are looked at."""


@dataclass(slots=True)
class Likeness:
    """Of a picture in memory; some frames of an animation stand for all."""

    image: pyvips.Image
    moves: bool
    looks: Mapping[float, similarity.Luma] = field(default_factory=dict)

    def of(self, content: bytes, name: str) -> float:
        """The mean SSIM of a file of this format over the frames that are looked at; raises pyvips.Error."""
        looks = self._looks(name)
        image = _decoded(content, name, animated=self.moves and BY_NAME[name].animated)
        found = [similarity.ssim(look, similarity.luma(frame_at(image, at))) for at, look in looks.items()]
        return round(sum(found) / len(found), 5)

    def drawn(self, name: str) -> bool:
        """Whether it was drawn rather than taken, as the first frame that is looked at shows."""
        luma = next(iter(self._looks(name).values()))
        return bool((luma[:, 1:] == luma[:, :-1]).mean() >= _DRAWN)

    def _looks(self, name: str) -> Mapping[float, similarity.Luma]:
        """What a file should look like: frames by when they are shown."""
        if not self.looks:
            image, _ = written(self.image, name, 0)
            image = image.copy_memory() if self.moves else image
            moving = self.moves and BY_NAME[name].animated
            moments = [(at + 0.5) / _FRAMES for at in range(_FRAMES)] if moving else [0.0]
            self.looks = {at: similarity.luma(frame_at(image, at)) for at in moments}
        return self.looks


def _decoded(content: bytes, name: str, *, animated: bool) -> pyvips.Image:
    """The pixels of a file that was made here; every frame where it is animated."""
    if animated and name in {"avif", "apng"}:
        return played(content, name)
    if name in DECODERS:
        with mmap(-1, len(content)) as data:
            data.write(content)
            return DECODERS[name](data, ImageLimits(), WHOLE).read(animated).copy_memory()
    image = pyvips.Image.new_from_buffer(content, "", **({"n": -1} if animated else {}))
    return image.copy_memory() if animated else image
