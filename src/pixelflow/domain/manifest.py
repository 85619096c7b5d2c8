"""What a job's outputs were made of and with, and whether two jobs made the same."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pixelflow.domain.job import Job, Output


@dataclass(frozen=True, slots=True)
class Manifest:
    """Of an ended job: its row, the SHA-256 of its pipeline, and what is known of the software that ran it.

    ``software`` has ``versions`` by name and the ``limits`` of the decoders; it is empty for a job that no
    decoder has ended.
    """

    job: Job
    pipeline_sha256: str
    digest: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    software: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pair:
    """One step's output in both jobs; ``None`` where one has none."""

    id: str
    original: Output | None
    replay: Output | None

    @property
    def equal(self) -> bool:
        """Byte for byte."""
        return bool(self.original and self.replay and self.original.sha256 == self.replay.sha256)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A job and the one that ran it again; ``software`` tells of each version that differs both of them."""

    original: Job
    replay: Job
    pairs: Sequence[Pair]
    software: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether every output is the same, byte for byte."""
        return all(pair.equal for pair in self.pairs)


def pipeline_sha256(pipeline: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of the steps' canonical JSON: as sent, in their order, keys sorted, no space, UTF-8."""
    text = json.dumps(pipeline, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def pairs(original: Job, replay: Job) -> list[Pair]:
    """In the pipeline's order, then what only one of them has."""
    before = {output.id: output for output in original.outputs}
    after = {output.id: output for output in replay.outputs}
    return [Pair(step, before.get(step), after.get(step)) for step in dict.fromkeys([*before, *after])]


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Each name whose values differ, with both."""
    names = dict.fromkeys([*one, *other])
    return {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}
