"""One connection that writes, and one COMMIT for all that arrives together."""

import asyncio
import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from pixelflow.adapters.store import statements
from pixelflow.adapters.store.drained import Drained
from pixelflow.adapters.store.quotas import Quotas
from pixelflow.adapters.store.transaction import Consequence, Transaction
from pixelflow.domain.errors import StoreUnavailable
from pixelflow.domain.job import JobState

T = TypeVar("T")

MAX_BATCH = 256
"""Operations in one transaction."""
GATHER_SECONDS = 0.003
"""After a batch of several, the next one waits so long for company; a lone caller never waits."""
MAX_WAITING = 100_000
"""Operations that may wait for the writer."""


Operation = Callable[[Transaction], Any]


@dataclass(slots=True)
class _Waiting:
    """An operation, who waits for it, and how to undo it should nobody wait any more."""

    operation: Operation
    future: asyncio.Future[Any]
    regret: Callable[[Any], Operation] | None = None
    value: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class _Performed:
    """A batch whose statements have run and whose COMMIT is to come."""

    outcomes: list[_Waiting]
    moves: Counter[JobState]
    sequence: int
    news: set[str] = field(default_factory=set)
    ended: int = 0
    ended_seconds: float = 0.0


class Writer:
    """Owns the write connection; counts ``commits``, ``operations`` and in ``states`` the jobs by state.

    Statements run on the event loop, where they take some ten microseconds each and contend with nobody; only
    COMMIT, which waits for the disk, has a thread. What arrives meanwhile is the next batch.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        clock: Callable[[], float],
        quotas: Quotas,
        consequences: Sequence[Consequence] = (),
    ) -> None:
        self.quotas = quotas
        self.drained = Drained()
        self._connection = connection
        self._consequences = consequences
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._busy = False
        self._crowded = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._sequence = _last_sequence(connection)
        self.states = Counter(
            {JobState(row[0]): row[1] for row in connection.execute(statements.COUNT_BY_STATE)}
        )
        self.commits = 0
        self.operations = 0
        self.listeners: dict[str, list[Callable[[], None]]] = {}
        """Called in the event loop after a commit, by the name of the news."""
        self._performed: SimpleQueue[_Performed | None] = SimpleQueue()
        self._thread = Thread(target=self._commit, name="store-commit", daemon=True)
        self._thread.start()

    async def run(
        self, operation: Callable[[Transaction], T], regret: Callable[[T], Operation] | None = None
    ) -> T:
        """Run it in a transaction, perhaps twice, and answer once it is durable; raises StoreUnavailable.

        When its caller is cancelled too late to leave it undone, ``regret`` makes what undoes it.
        """
        if self._closed or len(self._waiting) >= MAX_WAITING:
            raise StoreUnavailable(
                "the job store is closed" if self._closed else "too many writes are waiting"
            )
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append(_Waiting(operation, future, regret))
        self._next()
        try:
            return await future
        except asyncio.CancelledError:
            answered = future.done() and not future.cancelled() and not future.exception()
            if regret and answered and not self._closed:
                self._undo(regret(future.result()))  # nobody took the answer
                self._next()
            raise

    async def close(self) -> None:
        """Finish what is waiting, then close the connection."""
        self._closed = True
        await self._idle.wait()
        if self._thread.is_alive():
            self._performed.put(None)
            await asyncio.to_thread(self._thread.join)
            self._connection.close()

    def _next(self) -> None:
        if self._waiting and not self._busy:
            self._busy = True
            self._idle.clear()
            if self._crowded and len(self._waiting) < MAX_BATCH:
                self._loop.call_later(GATHER_SECONDS, self._perform)
            else:
                self._loop.call_soon(self._perform)

    def _perform(self) -> None:
        """Run a batch's statements in a transaction, and hand it on to be committed."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
        self._crowded = len(batch) > 1
        refused: list[_Waiting] = []
        try:
            while (performed := self._attempt(batch, refused)) is None:
                pass
        except Exception as error:  # noqa: BLE001 - whatever it is, each caller must hear of it
            self._roll_back()
            self._finish(_Performed(refused + batch, Counter(), self._sequence), error)
            return
        performed.outcomes += refused
        self._performed.put(performed)

    def _attempt(self, batch: list[_Waiting], refused: list[_Waiting]) -> _Performed | None:
        """Run all; or roll back, move the one that failed after a write to ``refused``, answer ``None``."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        tx = Transaction(connection, self._clock, self._sequence, self.quotas, self._consequences)
        outcomes: list[_Waiting] = []
        for index, waiting in enumerate(batch):
            if waiting.future.cancelled():
                continue
            changes = connection.total_changes
            tx.tick()
            waiting.error = None
            try:
                waiting.value = waiting.operation(tx)
            except Exception as error:
                if isinstance(error, sqlite3.Error) and not isinstance(error, _REFUSALS):
                    raise
                waiting.error = _refused(error)
                if connection.total_changes != changes:
                    connection.execute("ROLLBACK")
                    refused.append(batch.pop(index))
                    return None
            outcomes.append(waiting)
        tx.close()
        return _Performed(outcomes, tx.moves, tx.sequence, tx.news, tx.ended, tx.ended_seconds)

    def _commit(self) -> None:
        while (performed := self._performed.get()) is not None:
            failure: Exception | None = None
            try:
                self._connection.execute("COMMIT")
            except Exception as error:  # noqa: BLE001 - whatever it is, each caller must hear of it
                failure = error
                self._roll_back()
            with suppress(RuntimeError):  # a closed loop has nobody left to tell
                self._loop.call_soon_threadsafe(self._finish, performed, failure)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def _finish(self, performed: _Performed, failure: Exception | None) -> None:
        """Answer every caller, and begin the next batch."""
        if failure is None:
            self._sequence = performed.sequence
            self.states.update(performed.moves)
            queued = self.states[JobState.QUEUED] > 0
            self.drained.note(self._clock(), performed.ended, performed.ended_seconds, waiting=queued)
            self.commits += 1
            self.operations += len(performed.outcomes)
            for listener in (each for name in performed.news for each in self.listeners.get(name, ())):
                listener()
        for waiting in performed.outcomes:
            error = waiting.error or (_unavailable(failure) if failure else None)
            if waiting.future.done():
                if waiting.regret and not error:
                    self._undo(waiting.regret(waiting.value))
            elif error:
                waiting.future.set_exception(error)
            else:
                waiting.future.set_result(waiting.value)
        self._busy = False
        self._next()
        if not self._busy:
            self._idle.set()

    def _undo(self, operation: Operation) -> None:
        self._waiting.append(_Waiting(operation, self._loop.create_future()))


_REFUSALS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
"""An operation's own errors; all others are the store's, and so those of everybody in the batch."""


def _refused(error: Exception) -> Exception:
    return ValueError(f"the job store refuses this: {error}") if isinstance(error, sqlite3.Error) else error


def _unavailable(error: Exception) -> Exception:
    if isinstance(error, sqlite3.Error):
        return StoreUnavailable(f"the job store cannot write: {error}")
    return error


def _last_sequence(connection: sqlite3.Connection) -> int:
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
    return found[0] if found else 0
