"""Which steps start from the result of a larger sibling rather than from the picture that both take."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from pixelflow.domain.errors import ImageError, InvalidRequest
from pixelflow.operations.pipeline import Pipeline, Step, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEADROOM = 2
"""Such a sibling has at least this many times the sides, so that the kernel decides the quality."""
ASPECT_TOLERANCE = 0.01

Size = tuple[int, int]


def checked(steps: list[dict[str, Any]]) -> Pipeline:
    """A task's pipeline; the same few come again and again. Raises ImageError (``invalid``)."""
    return _parsed(msgspec.msgpack.encode(steps))


@lru_cache(maxsize=64)
def _parsed(steps: bytes) -> Pipeline:
    try:
        return parse(msgspec.msgpack.decode(steps))
    except InvalidRequest as error:
        raise ImageError("invalid", error.detail) from error


def derivations(steps: Sequence[Step], size: Size) -> Iterator[tuple[Step, Step | None]]:
    """Each step that takes a picture of this true size, and the earlier one that it starts from, if any."""
    scaling = [(step, step.operation.target(*size)) for step in steps if step.operation.pure_resize]
    scaling.sort(key=lambda known: -known[1][0] * known[1][1])
    for index, (step, wanted) in enumerate(scaling):
        larger = (other for other, found in reversed(scaling[:index]) if _has_room(found, wanted))
        yield step, next(larger, None)
    for step in steps:
        if not step.operation.pure_resize:
            yield step, None


def _has_room(larger: Size, wanted: Size) -> bool:
    across, down = larger[0] / wanted[0], larger[1] / wanted[1]
    # A side that was rounded is off by half a pixel at most.
    rounding = 0.5 / wanted[0] + 0.5 / wanted[1]
    return min(across, down) >= HEADROOM and abs(across / down - 1) <= ASPECT_TOLERANCE + rounding
