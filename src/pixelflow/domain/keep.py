"""For how long what belongs to a job is kept."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
            **{name: ours if ours is not None else theirs for name, ours, theirs in _both(self, wider)}
        )

    def within(self, most: "Keep") -> "Keep":
        """Of each part the shorter time."""
        return Keep(
            **{
                name: min((each for each in (ours, theirs) if each is not None), default=None)
                for name, ours, theirs in _both(self, most)
            }
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


def _both(one: Keep, other: Keep) -> list[tuple[str, float | None, float | None]]:
    theirs = asdict(other)
    return [(name, value, theirs[name]) for name, value in asdict(one).items()]
