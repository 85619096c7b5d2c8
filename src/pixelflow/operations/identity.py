"""What makes two steps the same: their output can differ only if this does, or the source's bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from pixelflow.domain.asset import JOB
from pixelflow.operations.references import urls_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pixelflow.operations.pipeline import Step


@dataclass(frozen=True, slots=True)
class Identity:
    """A step with all that leads to it: operations, their checked parameters, and how the result is written.

    Assets are in it by their ids, which name their content. ``jobs`` are ids of other jobs whose pictures it
    takes: their bytes belong to it too. One that is not ``cacheable`` equals nothing, not even itself: what
    a URL leads to may change at any time.
    """

    digest: bytes
    jobs: tuple[str, ...]
    cacheable: bool


def identities(steps: Sequence[Step]) -> Mapping[str, Identity]:
    """Of each step that keeps its output, by id."""
    by_id = {step.id: step for step in steps}
    pictures: dict[str, Identity] = {}

    def picture(name: str) -> Identity:
        if name not in pictures:
            step = by_id[name]
            operation = step.operation
            origins = [picture(other) for other in [*filter(None, [step.source]), *sorted(step.refers)]]
            digests = [step.source is None, *(origin.digest for origin in origins)]
            jobs = {name.removeprefix(JOB) for name in operation.needs() if name.startswith(JOB)}
            pictures[name] = Identity(
                _digest(operation.action, operation.model_dump_json(), *digests),
                tuple(sorted(jobs.union(*(origin.jobs for origin in origins)))),
                operation.cacheable
                and not urls_in(operation.needs())
                and all(origin.cacheable for origin in origins),
            )
        return pictures[name]

    found = {}
    for step in steps:
        if step.output:
            made = picture(step.id)
            written = _digest(made.digest, step.encoding.model_dump_json())
            found[step.id] = Identity(written, made.jobs, made.cacheable)
    return found


def _digest(*parts: object) -> bytes:
    return hashlib.sha256(msgspec.msgpack.encode(parts)).digest()
