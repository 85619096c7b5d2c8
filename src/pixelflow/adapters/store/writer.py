"""One thread that writes, and one COMMIT for all that arrives together."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from pixelflow.adapters.store import statements
from pixelflow.adapters.store.rows import Row, event_values, to_job
from pixelflow.domain.errors import StoreUnavailable
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Job, JobState

T = TypeVar("T")

MAX_BATCH = 256
"""Operations in one transaction."""
MAX_WAITING = 100_000
"""Operations that may wait for the writer."""


class Transaction:
    """What an operation sees: the open transaction and the time."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float], sequence: int) -> None:
        self._execute = connection.execute
        self._clock = clock
        self.now = clock()
        self.sequence = sequence
        self.moves: Counter[JobState] = Counter()

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
        self.entered(job)
        return job

    def entered(self, job: Job) -> None:
        """Count the job in its state and append the event of having entered it."""
        self.moves[job.state] += 1
        self.append(job, EventKind.entered(job.state))

    def append(self, job: Job, kind: EventKind) -> None:
        """Append an event; ``job.sequence`` must be the next one."""
        self._execute(statements.INSERT_EVENT, event_values(job, kind))
        self.sequence = job.sequence


Operation = Callable[[Transaction], Any]
Waiting = tuple[Operation, asyncio.Future[Any]]
Outcome = tuple[asyncio.Future[Any], Any, BaseException | None]


class Writer:
    """Owns the write connection; counts ``commits``, ``operations`` and in ``states`` the jobs by state."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._waiting: SimpleQueue[Waiting | None] = SimpleQueue()
        self._closed = False
        self._sequence = _last_sequence(connection)
        self.states = Counter(
            {JobState(row[0]): row[1] for row in connection.execute(statements.COUNT_BY_STATE)}
        )
        self.commits = 0
        self.operations = 0
        self._thread = Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def run(self, operation: Callable[[Transaction], T]) -> T:
        """Run it in a transaction, perhaps twice, and answer once it is durable; raises StoreUnavailable."""
        if self._closed or self._waiting.qsize() >= MAX_WAITING:
            raise StoreUnavailable(
                "the job store is closed" if self._closed else "too many writes are waiting"
            )
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.put((operation, future))
        return await future

    async def close(self) -> None:
        """Finish what is waiting, then close the connection."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        open_for_more = True
        while open_for_more:
            batch, open_for_more = self._gather()
            outcomes = self._commit(batch)
            with suppress(RuntimeError):  # a closed loop has nobody left to tell
                self._loop.call_soon_threadsafe(_resolve, outcomes)
        self._connection.close()

    def _gather(self) -> tuple[list[Waiting], bool]:
        batch: list[Waiting] = []
        item = self._waiting.get()
        while item is not None:
            batch.append(item)
            if len(batch) == MAX_BATCH:
                break
            try:
                item = self._waiting.get_nowait()
            except Empty:
                break
        return batch, item is not None

    def _commit(self, batch: list[Waiting]) -> list[Outcome]:
        """Run the batch in one transaction, again without each operation that failed after it had written."""
        refused: list[Outcome] = []
        while batch:
            done: list[Outcome] = []
            try:
                spoiled = self._attempt(batch, done)
            except Exception as error:  # noqa: BLE001 - whatever it is, each caller must hear of it
                return refused + [(future, None, _unavailable(error)) for _, future in batch]
            if spoiled is None:
                return refused + done
            refused.append(done[-1])
            del batch[spoiled]
        return refused

    def _attempt(self, batch: list[Waiting], done: list[Outcome]) -> int | None:
        """Fill ``done`` and commit; or roll back and answer which operation spoiled it, ending ``done``."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            tx = Transaction(connection, self._clock, self._sequence)
            for index, (operation, future) in enumerate(batch):
                if future.cancelled():
                    continue
                changes = connection.total_changes
                tx.tick()
                try:
                    done.append((future, operation(tx), None))
                except Exception as error:
                    if isinstance(error, sqlite3.Error) and not isinstance(error, _REFUSALS):
                        raise
                    done.append((future, None, _refused(error)))
                    if connection.total_changes != changes:
                        connection.execute("ROLLBACK")
                        return index
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        self._sequence = tx.sequence
        self.states = Counter({state: self.states[state] + tx.moves[state] for state in JobState})
        self.commits += 1
        self.operations += len(done)
        return None


_REFUSALS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
"""An operation's own errors; all others are the store's, and so those of everybody in the batch."""


def _resolve(outcomes: Sequence[Outcome]) -> None:
    for future, value, error in outcomes:
        if future.done():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def _refused(error: Exception) -> Exception:
    return ValueError(f"the job store refuses this: {error}") if isinstance(error, sqlite3.Error) else error


def _unavailable(error: Exception) -> Exception:
    if isinstance(error, sqlite3.Error):
        return StoreUnavailable(f"the job store cannot write: {error}")
    return error


def _last_sequence(connection: sqlite3.Connection) -> int:
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
    return found[0] if found else 0
