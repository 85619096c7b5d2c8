"""After a run with faults: reads store and storage and counts what must never be."""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from harness.drift import counters_off

TERMINAL = {"completed", "failed", "cancelled", "quarantined"}


@dataclass
class Audit:
    """Each a count; all of them must be 0."""

    acknowledged_missing: int = 0
    not_terminal: int = 0
    terminal_events_not_one: int = 0
    outputs_missing: int = 0
    outputs_undecodable: int = 0
    orphan_files: int = 0
    unfinished_files: int = 0
    counters_off: int = 0
    processes_left: int = 0
    recovered_late: int = 0

    @property
    def clean(self) -> bool:
        return not any(asdict(self).values())


def audit(database: Path, uploads: Path, outputs: Path, acknowledged: Iterable[str]) -> Audit:
    """Count over a stopped server's files; jobs must not have been retried or deleted."""
    found = Audit()
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as book:
        jobs = {row[0]: row[1:] for row in book.execute("SELECT id, state, source, outputs FROM job")}
        ends = Counter(
            job_id
            for job_id, kind in book.execute("SELECT job_id, kind FROM event")
            if kind.removeprefix("job.") in TERMINAL
        )
        found.counters_off = counters_off(book)
    found.acknowledged_missing = sum(job_id not in jobs for job_id in acknowledged)
    hashes = Counter[str]()
    for job_id, (state, source, made) in jobs.items():
        found.not_terminal += state not in TERMINAL
        found.terminal_events_not_one += ends[job_id] != 1
        hashes.update(known for known in [json.loads(source)["sha256"]] if known)  # none was ever fetched
        for output in json.loads(made) if made else []:
            hashes[output["sha256"]] += bool(output["key"])  # one that is kept no longer has none
    on_disk = Counter[str]()
    for file in (path for root in (uploads, outputs) for path in root.rglob("*") if path.is_file()):
        content = file.read_bytes()
        on_disk[hashlib.sha256(content).hexdigest()] += 1
        found.unfinished_files += "tmp" in file.name
        if file.is_relative_to(outputs):
            try:
                Image.open(BytesIO(content)).load()
            except OSError:
                found.outputs_undecodable += 1
    found.outputs_missing = sum((hashes - on_disk).values())
    found.orphan_files = sum((on_disk - hashes).values())
    return found


def recoveries(database: Path, faults: Collection[float]) -> list[float]:
    """Seconds from a fault until each job that was lost by it could be claimed again; ``faults`` in Unix
    seconds."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as book:
        back = book.execute("SELECT at FROM event WHERE kind = 'job.queued' AND attempt > 0").fetchall()
    return [at - max(before) for (at,) in back if (before := [fault for fault in faults if fault <= at])]


def untold(database: Path, heard: Mapping[str, Collection[str]]) -> int:
    """Terminal events that have no message, or whose message's id one of the endpoints did not hear."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as book:
        messages = {
            (job_id, sequence): message_id
            for job_id, sequence, message_id in book.execute(
                "SELECT job_id, sequence, id FROM message WHERE kind LIKE 'job.%'"
            )
        }
        ends = [
            (job_id, sequence)
            for job_id, sequence, kind in book.execute("SELECT job_id, sequence, kind FROM event")
            if kind.removeprefix("job.") in TERMINAL
        ]
    return sum(end not in messages or any(messages[end] not in ids for ids in heard.values()) for end in ends)
