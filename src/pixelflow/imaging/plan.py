"""In which order the steps are done, what is done once for several, and what starts from a larger sibling."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from pixelflow.domain.errors import ImageError, InvalidRequest
from pixelflow.operations.pipeline import Pipeline, Step, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pixelflow.operations.base import Operation

HEADROOM = 2
"""Such a sibling has at least this many times the sides, so that the kernel decides the quality."""
ASPECT_TOLERANCE = 0.01

Size = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """An operation on one picture, done once for all the steps that ask for it."""

    steps: Sequence[Step]
    takers: Sequence[Work] = ()
    """What is done to its result."""

    @property
    def operation(self) -> Operation:
        """The same for all of its steps."""
        return self.steps[0].operation

    @property
    def id(self) -> str:
        """That of its first step."""
        return self.steps[0].id

    @property
    def may_fail(self) -> bool:
        """Whether the rest goes on without it."""
        return all(step.on_error == "skip" for step in self.steps)

    @property
    def streams(self) -> bool:
        """Whether it reads the picture once, from top to end: one that cuts would miss damage below."""
        return self.operation.streams and not self.operation.cuts

    @property
    def refers(self) -> frozenset[str]:
        """Ids of the steps that must be done before."""
        return self.steps[0].refers


def checked(steps: list[dict[str, Any]]) -> Pipeline:
    """A task's pipeline; the same few come again and again. Raises ImageError (``invalid``)."""
    return planned(steps)[0]


def planned(steps: list[dict[str, Any]]) -> tuple[Pipeline, Sequence[Work]]:
    """A task's pipeline, and what is done to its source. Raises ImageError (``invalid``)."""
    return _planned(msgspec.msgpack.encode(steps))


@lru_cache(maxsize=64)
def _planned(steps: bytes) -> tuple[Pipeline, Sequence[Work]]:
    try:
        pipeline = parse(msgspec.msgpack.decode(steps))
    except InvalidRequest as error:
        raise ImageError("invalid", error.detail) from error
    return pipeline, works(pipeline)


def works(pipeline: Pipeline) -> Sequence[Work]:
    """What is done to the source."""
    return _works(pipeline.steps, {None})


def _works(steps: Sequence[Step], sources: Collection[str | None]) -> Sequence[Work]:
    """What is done to the one picture that these steps make."""
    same: list[list[Step]] = []
    for step in steps:
        if step.source in sources:
            if known := next((some for some in same if some[0].operation == step.operation), None):
                known.append(step)
            else:
                same.append([step])
    return [Work(some, _works(steps, {step.id for step in some})) for some in same]


def derivations(works: Sequence[Work], size: Size) -> Iterator[tuple[Work, Work | None]]:
    """What is done to a picture of this true size, each with the earlier one that it starts from, if any."""
    scaling = [(work, work.operation.target(*size)) for work in works if work.operation.pure_resize]
    scaling.sort(key=lambda known: -known[1][0] * known[1][1])
    for index, (work, wanted) in enumerate(scaling):
        larger = (other for other, found in reversed(scaling[:index]) if _has_room(found, wanted))
        yield work, next(larger, None)
    for work in works:
        if not work.operation.pure_resize:
            yield work, None


def _has_room(larger: Size, wanted: Size) -> bool:
    across, down = larger[0] / wanted[0], larger[1] / wanted[1]
    # A side that was rounded is off by half a pixel at most.
    rounding = 0.5 / wanted[0] + 0.5 / wanted[1]
    return min(across, down) >= HEADROOM and abs(across / down - 1) <= ASPECT_TOLERANCE + rounding
