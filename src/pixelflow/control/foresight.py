"""What a job will take, told from its first bytes: in microseconds, where a plan takes a fifth of a
millisecond."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log2, sqrt
from typing import Any

import msgspec

from pixelflow.domain.errors import PixelFlowError
from pixelflow.domain.limits import ImageLimits
from pixelflow.domain.media import BY_NAME
from pixelflow.domain.tenant import Foreseen
from pixelflow.imaging.cost import BITS
from pixelflow.imaging.prediction import Origin, predict
from pixelflow.operations.outline import exactly
from pixelflow.operations.pipeline import parse

UNKNOWN_BYTES = 1_000_000
"""What a picture is taken for that is still to be fetched."""
NO_PICTURE = Foreseen(0.0, 0)
"""Of a job without a picture yet."""
USUAL_BITS = 4.0
"""A pixel, in formats of which nothing else is known."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Foresight:
    """Predicts CPU time by classes of pictures: sides in steps of √2, frames in steps of 2."""

    limits: ImageLimits

    def foresee(
        self,
        steps: Sequence[Mapping[str, Any]],
        name: str | None,
        size_bytes: int | None,
        sides: tuple[int, int] | None,
    ) -> Foreseen:
        """For a source of that format, size and shape, each as far as it is known."""
        bits = 8 * (size_bytes or UNKNOWN_BYTES) / BITS.get(name or "jpeg", USUAL_BITS)
        area = min(bits, self.limits.max_image_area)
        width, height = sides or (max(1, int(sqrt(area * 4 / 3))), max(1, int(sqrt(area * 3 / 4))))
        frames = 1.0
        if name in BY_NAME and BY_NAME[name].animated and name in {"gif", "webp"}:
            # A file with far more bytes than a still of its sides has is an animation.
            frames = min(max(1.0, bits / (width * height) / 2), self.limits.max_image_frames)
        longest = self.limits.max_image_side
        classes = (_half_steps(min(width, longest)), _half_steps(min(height, longest)), round(log2(frames)))
        seconds = _seconds(_encode(steps), name or "jpeg", *classes, self.limits)
        return Foreseen(seconds, min(width * height, self.limits.max_image_area))


def _half_steps(side: int) -> int:
    return round(2 * log2(side))


@lru_cache(maxsize=4096)
def _seconds(pipeline: bytes, name: str, width: int, height: int, frames: int, limits: ImageLimits) -> float:
    given = parse(_decode(pipeline))
    shape = replace(exactly(round(2 ** (width / 2)), round(2 ** (height / 2))), frames=2**frames)
    try:
        outputs = predict(given, Origin(shape, name), limits).outputs
    except PixelFlowError:  # what cannot be done will fail at once
        return 0.0
    return round(sum(each.cpu_seconds or 0.0 for each in outputs), 3)
