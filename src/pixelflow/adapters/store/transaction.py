"""An open transaction, as the store's writes see it."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from pixelflow.adapters.store import statements
from pixelflow.adapters.store.quotas import Quotas
from pixelflow.adapters.store.rows import Row, event_values, json_text, to_job
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Job, JobState

Consequence = Callable[["Transaction", Job, EventKind, "str | None"], None]
"""What an event entails in the same transaction: told the job as it is then, the event's kind and, of
``output.ready``, the output's step."""


class Transaction:
    """The statements of one operation after the other, the time of each, and what they changed in all.

    ``sequence`` is that of the last event, ``moves`` how many jobs more or fewer each state has, ``news``
    what the writer's listeners are told once this is committed; ``ended`` how many jobs ended that had run,
    and ``ended_seconds`` the CPU time that was predicted for them.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        clock: Callable[[], float],
        sequence: int,
        quotas: Quotas,
        consequences: Sequence[Consequence] = (),
    ) -> None:
        self.quotas = quotas
        self._consequences = consequences
        self._execute = connection.execute
        self._clock = clock
        self.now = clock()
        self.sequence = sequence
        self.moves: Counter[JobState] = Counter()
        self.news: set[str] = set()
        self.ended = 0
        self.ended_seconds = 0.0
        self._spent: dict[tuple[str, str, str], list[float]] = {}

    def tick(self) -> None:
        """Take the time for the next operation."""
        self.now = self._clock()

    def rows(self, sql: str, values: Mapping[str, object]) -> list[Row]:
        """Run a statement that answers rows."""
        return self._execute(sql, values).fetchall()

    def one(self, sql: str, values: Mapping[str, object]) -> Row | None:
        """Run a statement that answers at most one row."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def count(self, sql: str, values: Mapping[str, object]) -> int:
        """Run a statement and answer how many rows it changed."""
        return self._execute(sql, values).rowcount

    def job(self, tenant: str, job_id: str) -> Job | None:
        """The job as it is in this transaction."""
        row = self.one(statements.GET_JOB, {"tenant": tenant, "id": job_id})
        return to_job(row) if row else None

    def change(self, sql: str, values: Mapping[str, object], was: JobState) -> Job | None:
        """Move at most one job out of ``was`` by ``sql`` and append the event; ``None`` if none matched."""
        row = self.one(sql, {**values, "now": self.now, "sequence": self.sequence + 1})
        if row is None:
            return None
        job = to_job(row)
        self.moves[was] -= 1
        if was is JobState.PROCESSING and job.terminal:
            self.ended += 1
            self.ended_seconds += job.cost or 0.0
        self.entered(job)
        return job

    def spend(self, job: Job, seconds: Mapping[str, float]) -> None:
        """Count the CPU time of a job's phases, written once for all jobs of the transaction."""
        if job.charged_on is None:
            return  # made before there were counters
        for operation, each in seconds.items():
            counted = self._spent.setdefault((job.tenant, job.charged_on, operation), [0, 0.0])
            counted[0] += 1
            counted[1] += each

    def close(self) -> None:
        """Write what was gathered."""
        for (tenant, day, operation), (jobs, seconds) in self._spent.items():
            values = {"tenant": tenant, "day": day, "operation": operation}
            self.count(statements.ADD_USAGE_OF_OPERATION, {**values, "jobs": jobs, "cpu_seconds": seconds})

    def entered(self, job: Job) -> None:
        """Count the job in its state and append the event of having entered it."""
        self.moves[job.state] += 1
        self.append(job, EventKind.entered(job.state))

    def note(self, kind: EventKind, tenant: str, subject: str, shown: Mapping[str, object]) -> None:
        """Append an event that is about no job; what it entails is its caller's."""
        self.sequence += 1
        values = {"tenant": tenant, "job_id": subject, "kind": kind.value, "at": self.now}
        rest = {"sequence": self.sequence, "attempt": 0, "progress": 0, "output": json_text(shown)}
        self._execute(statements.INSERT_EVENT, {**values, **rest})

    def append(self, job: Job, kind: EventKind, output: str | None = None) -> None:
        """Append an event, and do what it entails; ``job.sequence`` must be the next one."""
        self._execute(statements.INSERT_EVENT, event_values(job, kind, output))
        self.sequence = job.sequence
        for consequence in self._consequences:
            consequence(self, job, kind, output)
