"""One SQLite file: who owns it, and how it is read and written."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pixelflow.adapters.store import statements as sql
from pixelflow.adapters.store import webhook_statements
from pixelflow.adapters.store.lock import FileLock, refuse_network
from pixelflow.adapters.store.quotas import Quotas
from pixelflow.adapters.store.rows import Row
from pixelflow.adapters.store.schema import migrate
from pixelflow.adapters.store.transaction import Consequence, Transaction
from pixelflow.adapters.store.writer import Operation, Writer
from pixelflow.domain.errors import StartupError, StoreUnavailable
from pixelflow.domain.tenant import UNLIMITED, TenantLimits

T = TypeVar("T")

CACHE_KILOBYTES = 16_384
"""Pages that the write connection keeps in memory."""
CHECKPOINT_PAGES = 4_000
"""Pages of 4 KiB in the write-ahead log after which a commit moves them into the database."""
BUSY_MILLISECONDS = 500
"""How long a write waits for a stranger, such as a person's shell, to let go of the file."""
OWN_LIMITS = "SELECT tenant, limits FROM tenant WHERE limits IS NOT NULL"
STATEMENTS = 256
"""Prepared statements that a connection keeps: all there are."""


def open_database(path: Path, synchronous: Literal["FULL", "NORMAL"]) -> "Connections":
    """Own the file, made or migrated where needed; raises StartupError if another process has it."""
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        refuse_network(path.parent)
        lock = FileLock(path)
    except OSError as error:
        raise StartupError(f"{path} cannot be written ({error}); DB_PATH needs another place") from error
    with ExitStack() as opened:
        opened.callback(lock.release)
        migrate(path)
        writes, *readers = (opened.enter_context(closing(_connect(path))) for _ in range(3))
        writes.execute("PRAGMA temp_store = MEMORY")
        writes.execute("PRAGMA journal_mode = WAL")
        writes.execute(f"PRAGMA synchronous = {synchronous}")
        writes.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        writes.execute(f"PRAGMA journal_size_limit = {4 * CHECKPOINT_PAGES * 4096}")
        writes.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
        writes.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        writes.execute(sql.ABANDON)
        writes.execute(webhook_statements.ABANDON_DELIVERIES)
        for reader in readers:
            reader.execute("PRAGMA query_only = ON")
        opened.pop_all()
    return Connections(lock, writes, readers[0], readers[1])


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS)


@dataclass(frozen=True, slots=True)
class Connections:
    """The open file: its lock, the connection that writes, and two that read."""

    lock: FileLock
    writes: sqlite3.Connection
    quick: sqlite3.Connection
    slow: sqlite3.Connection


class Database:
    """Writes share commits, ``one`` reads at once, longer reads have a thread.

    Every method raises StoreUnavailable when the file cannot be read or written.
    """

    def __init__(
        self,
        connections: Connections,
        clock: Callable[[], float],
        limits: TenantLimits = UNLIMITED,
        consequences: Sequence[Consequence] = (),
    ) -> None:
        self.clock = clock
        own = connections.quick.execute(OWN_LIMITS).fetchall()
        quotas = Quotas(limits, {tenant: json.loads(text) for tenant, text in own})
        self.writer = Writer(connections.writes, clock, quotas, consequences)
        self._lock = connections.lock
        self._quick = connections.quick
        self._slow = connections.slow
        self._reads = ThreadPoolExecutor(1, "store-reader")

    async def write(
        self, operation: Callable[[Transaction], T], regret: Callable[[T], Operation] | None = None
    ) -> T:
        """As ``Writer.run``."""
        return await self.writer.run(operation, regret)

    def one(self, statement: str, values: Mapping[str, object]) -> Row | None:
        """The first row of a read that takes microseconds."""
        try:
            rows = self._quick.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the job store cannot read: {error}") from error
        return rows[0] if rows else None

    async def rows(self, statement: str, values: Mapping[str, object]) -> list[Row]:
        """All rows, read in a thread."""
        return await self.read(lambda connection: connection.execute(statement, values).fetchall())

    async def read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Several reads in a thread."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reads, read, self._slow)
        except (sqlite3.Error, RuntimeError) as error:
            raise StoreUnavailable(f"the job store cannot read: {error}") from error

    async def close(self) -> None:
        """Finish what is begun and let the file go."""
        await asyncio.to_thread(self._reads.shutdown)
        self._quick.close()
        self._slow.close()
        await self.writer.close()
        self._lock.release()
