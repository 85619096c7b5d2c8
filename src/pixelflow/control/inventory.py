"""What is stored, what the sweep would take next, and the sweep at once."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from pixelflow.control.sweep import Sweeper
from pixelflow.domain.keep import PARTS
from pixelflow.domain.keys import parse
from pixelflow.ports.storage import Entry
from pixelflow.ports.store import Swept

AGES: Sequence[tuple[str, float]] = (
    ("hour", 3600.0),
    ("day", 86_400.0),
    ("week", 7 * 86_400.0),
    ("month", 30 * 86_400.0),
)
"""Up to which age in seconds a file counts for which; older ones are ``older``."""
OLDER = "older"
MOST_DUE = 10_000
"""Jobs that are looked at to tell what the sweep would take."""
MAX_ROUNDS = 100_000
"""Batches of one sweep."""


@dataclass(slots=True)
class Heap:
    """So many files, or jobs, and the bytes of their files."""

    count: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """One more."""
        self.count += 1
        self.bytes += size


@dataclass(slots=True)
class Report:
    """What is stored: by kind (``inputs``, ``outputs``, ``assets``), tenant and age, all named by rows.

    ``orphans`` are files that no row names, ``due_orphans`` those of them that the sweep would take now;
    ``due`` is what it would take of jobs, by part; ``more_due`` tells that not all of that was counted.
    """

    stored: dict[tuple[str, str, str], Heap] = field(default_factory=dict)
    orphans: Heap = field(default_factory=Heap)
    due_orphans: Heap = field(default_factory=Heap)
    due: dict[str, Heap] = field(default_factory=lambda: {part: Heap() for part in PARTS})
    more_due: bool = False


@dataclass(slots=True)
class Collected:
    """What a sweep took: jobs by part, and files that no row named."""

    jobs: dict[str, Heap] = field(default_factory=lambda: {part: Heap() for part in PARTS})
    orphans: int = 0


@dataclass(frozen=True)
class Inventory:
    """For operators: looks at every file, so that it takes a while where there are many."""

    sweeper: Sweeper
    clock: Callable[[], float] = time.time

    async def report(self) -> Report:
        """Nothing is changed."""
        report, now = Report(), self.clock()
        async for entry, named in self._files():
            owner = parse(entry.key)
            if named and owner:
                place = owner.kind, owner.tenant, _age(now - entry.modified_at)
                report.stored.setdefault(place, Heap()).add(entry.bytes)
                continue
            report.orphans.add(entry.bytes)
            if now - entry.modified_at >= self.sweeper.orphan_seconds:
                report.due_orphans.add(entry.bytes)
        jobs = await self.sweeper.store.due(MOST_DUE + 1)
        report.more_due = len(jobs) > MOST_DUE
        for job in jobs[:MOST_DUE]:
            parts = [part for part in PARTS if (at := job.due(part)) is not None and at <= now]
            sizes = {"source": job.source_bytes, "outputs": job.stored_bytes - job.source_bytes}
            for part in ("record",) if "record" in parts else parts:
                report.due[part].add(sizes.get(part, job.stored_bytes))
        return report

    async def sweep(self) -> Collected:
        """Everything that is due, now, as the keeper would in its own time."""
        collected = Collected()
        for _ in range(MAX_ROUNDS):
            swept = await self.sweeper.take()
            for each in swept:
                for part in ("record",) if each.deleted else each.parts:
                    collected.jobs[part].add(_bytes(each, part))
            if len(swept) < self.sweeper.batch:
                break
        collected.orphans = await self.sweeper.sweep_files()
        return collected

    async def _files(self) -> AsyncIterator[tuple[Entry, bool]]:
        found: list[Entry] = []
        async for entry in self.sweeper.storage.list(0):
            found.append(entry)
            if len(found) >= self.sweeper.files:
                for pair in await self._named(found):
                    yield pair
                found = []
        for pair in await self._named(found):
            yield pair

    async def _named(self, found: Sequence[Entry]) -> list[tuple[Entry, bool]]:
        known = await self.sweeper.store.known_keys([entry.key for entry in found])
        return [(entry, entry.key in known) for entry in found]


def _age(seconds: float) -> str:
    return next((name for name, most in AGES if seconds <= most), OLDER)


def _bytes(swept: Swept, part: str) -> int:
    if len(swept.parts) == 1 or part == "record":
        return swept.bytes
    source = swept.job.source.bytes or 0
    return source if part == "source" else swept.bytes - source
