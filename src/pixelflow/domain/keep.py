"""For how long what belongs to a job is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

MAX_KEEP_SECONDS = 10 * 366 * 86_400
PARTS = ("source", "outputs", "record")
SETTINGS: Mapping[str, str] = {
    "source": "SOURCE_TTL_SECONDS",
    "outputs": "OUTPUT_TTL_SECONDS",
    "record": "RECORD_TTL_SECONDS",
}
"""Where the operator sets each part."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Seconds from a job's end until its source, its outputs and its record go; ``None`` is for as long as
    the record, and for ever. With the record everything goes."""

    source: float | None = None
    outputs: float | None = None
    record: float | None = None

    def else_(self, wider: "Keep") -> "Keep":
        """Of each part what this says, where it says something."""
        return Keep(
            wider.source if self.source is None else self.source,
            wider.outputs if self.outputs is None else self.outputs,
            wider.record if self.record is None else self.record,
        )

    def within(self, most: "Keep") -> "Keep":
        """Of each part the shorter time."""
        return Keep(
            _shorter(self.source, most.source),
            _shorter(self.outputs, most.outputs),
            _shorter(self.record, most.record),
        )


@dataclass(frozen=True, slots=True)
class Gone:
    """When the sweep took a job's source and its outputs, in Unix seconds; ``None`` while they are there."""

    source: float | None = None
    outputs: float | None = None


NOTHING = Keep()


def when(at: float) -> str:
    """A moment in Unix seconds, for people."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _shorter(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
