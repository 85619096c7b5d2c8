"""The job store in one SQLite file, for one process on one machine."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Literal, TypeVar

from pixelflow.adapters.store import statements as sql
from pixelflow.adapters.store import transitions
from pixelflow.adapters.store.cursors import (
    LAST_ID,
    asset_cursor,
    id_floor,
    read_asset_cursor,
    read_job_cursor,
)
from pixelflow.adapters.store.lock import FileLock, refuse_network
from pixelflow.adapters.store.rows import (
    Row,
    asset_values,
    completion_values,
    job_values,
    json_text,
    source_text,
    to_asset,
    to_event,
    to_job,
    to_jobs,
    to_recalled,
)
from pixelflow.adapters.store.schema import migrate
from pixelflow.adapters.store.writer import Writer
from pixelflow.domain.asset import Asset
from pixelflow.domain.errors import StartupError, StoreUnavailable
from pixelflow.domain.event import Event
from pixelflow.domain.job import Claim, Completion, Failure, Job, JobState, Output, Source
from pixelflow.domain.keys import parse
from pixelflow.ports.store import Created, Depth, IdempotencyKey, JobFilter, Page, Recalled

T = TypeVar("T")

CACHE_KILOBYTES = 16_384
"""Pages that the write connection keeps in memory."""
CHECKPOINT_PAGES = 4_000
"""Pages of 4 KiB in the write-ahead log after which a commit moves them into the database."""
BUSY_MILLISECONDS = 500
"""How long a write waits for a stranger, such as a person's shell, to let go of the file."""
STATEMENTS = 128
"""Prepared statements that a connection keeps: all there are."""


async def open_sqlite(
    path: Path, clock: Callable[[], float] = time.time, *, synchronous: Literal["FULL", "NORMAL"] = "FULL"
) -> "SqliteStore":
    """Own the database, made or migrated where needed; raises StartupError if another process has it.

    ``NORMAL`` loses acknowledged commits at a power cut; it is there for the test that shows so.
    """
    return SqliteStore(*await asyncio.to_thread(_open, path, synchronous), clock)


def _open(
    path: Path, synchronous: str
) -> tuple[FileLock, sqlite3.Connection, sqlite3.Connection, sqlite3.Connection]:
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
        writes.execute("PRAGMA journal_mode = WAL")
        writes.execute(f"PRAGMA synchronous = {synchronous}")
        writes.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        writes.execute(f"PRAGMA journal_size_limit = {4 * CHECKPOINT_PAGES * 4096}")
        writes.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
        writes.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        writes.execute(sql.ABANDON)
        for reader in readers:
            reader.execute("PRAGMA query_only = ON")
        opened.pop_all()
    return lock, writes, readers[0], readers[1]


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS)


class SqliteStore:
    """A JobStore: writes share commits, ``get`` reads at once, longer reads have a thread.

    The outputs of a job that is retried are named by no row any more: the keeper's sweep removes the files.
    """

    def __init__(
        self,
        lock: FileLock,
        writes: sqlite3.Connection,
        quick: sqlite3.Connection,
        slow: sqlite3.Connection,
        clock: Callable[[], float],
    ) -> None:
        self._lock = lock
        self._clock = clock
        self._quick = quick
        self._slow = slow
        self._reads = ThreadPoolExecutor(1, "store-reader")
        self.writer = Writer(writes, clock)

    async def create(self, job: Job, idempotency: IdempotencyKey | None = None) -> Created:
        values = job_values(job)
        return await self.writer.run(lambda tx: transitions.create(tx, job, values, idempotency))

    async def get(self, tenant: str, job_id: str) -> Job | None:
        row = self._one(sql.GET_JOB, {"tenant": tenant, "id": job_id})
        return to_job(row) if row else None

    async def list_jobs(self, tenant: str, where: JobFilter, limit: int, cursor: str | None) -> Page[Job]:
        before = read_job_cursor(cursor) if cursor is not None else LAST_ID
        after = where.created_after
        values = {
            "tenant": tenant,
            "before": before,
            "floor": id_floor(after) if after is not None else "",
            "created_after": after if after is not None else float("-inf"),
            "limit": limit + 1,
        }
        statement = sql.LIST_JOBS
        if where.state is not None:
            statement, values["state"] = sql.LIST_JOBS_IN_STATE, where.state.value
        jobs = to_jobs(await self._rows(statement, values))
        return Page(jobs[:limit], jobs[limit - 1].id if len(jobs) > limit else None)

    async def attach(self, tenant: str, job_id: str, source: Source) -> Source | None:
        text = source_text(source)
        return await self.writer.run(lambda tx: transitions.attach(tx, tenant, job_id, text))

    async def start(self, tenant: str, job_id: str, source: Source) -> Job | None:
        values = {"tenant": tenant, "id": job_id, "source": source_text(source)}
        return await self.writer.run(lambda tx: tx.change(sql.START, values, JobState.AWAITING_UPLOAD))

    async def claim(self, owner: str, lease_seconds: float, limit: int = 1) -> Sequence[Job]:
        return await self.writer.run(
            lambda tx: transitions.claim(tx, owner, lease_seconds, limit),
            regret=lambda jobs: lambda tx: transitions.release(tx, [job.claim for job in jobs]),
        )

    async def renew(self, claims: Mapping[Claim, int], lease_seconds: float) -> Sequence[Claim]:
        return await self.writer.run(lambda tx: transitions.renew(tx, claims, lease_seconds))

    async def announce(self, claim: Claim, outputs: Sequence[Output]) -> Job | None:
        return await self.writer.run(lambda tx: transitions.announce(tx, claim, outputs))

    async def finish(self, claim: Claim, completion: Completion) -> Job | None:
        values = {**transitions.fence(claim), **completion_values(completion)}
        keys = completion.keys
        return await self.writer.run(lambda tx: transitions.finish(tx, claim, values, keys))

    async def recall(self, tenant: str, keys: Sequence[bytes]) -> Mapping[bytes, Recalled]:
        rows = ((key, self._one(sql.RECALL, {"tenant": tenant, "key": key})) for key in keys)
        return {key: found for key, row in rows if row and (found := to_recalled(row))}

    async def crashed(self, claim: Claim, failure: Failure) -> Job | None:
        error = json_text(failure)
        return await self.writer.run(lambda tx: transitions.crash(tx, claim, error))

    async def release(self, claims: Sequence[Claim]) -> Sequence[Job]:
        return await self.writer.run(lambda tx: transitions.release(tx, claims))

    async def cancel(self, tenant: str, job_id: str) -> Job | None:
        return await self.writer.run(lambda tx: transitions.cancel(tx, tenant, job_id))

    async def retry(self, tenant: str, job_id: str) -> Job | None:
        return await self.writer.run(lambda tx: transitions.retry(tx, tenant, job_id))

    async def delete(self, tenant: str, job_id: str) -> Job | None:
        return await self.writer.run(lambda tx: transitions.delete(tx, tenant, job_id))

    async def rescue(self, limit: int) -> Sequence[Job]:
        return await self.writer.run(lambda tx: transitions.rescue(tx, limit))

    async def expire_uploads(self, older_than_seconds: float, limit: int) -> Sequence[Job]:
        return await self.writer.run(lambda tx: transitions.expire_uploads(tx, older_than_seconds, limit))

    async def expired(self, limit: int) -> Sequence[Job]:
        return to_jobs(await self._rows(sql.EXPIRED, {"now": self._clock(), "limit": limit}))

    async def events(self, tenant: str, job_id: str | None, after: int, limit: int) -> Sequence[Event]:
        statement = sql.TENANT_EVENTS if job_id is None else sql.JOB_EVENTS
        values = {"tenant": tenant, "id": job_id, "after": after, "limit": limit}
        return [to_event(row) for row in await self._rows(statement, values)]

    async def depth(self) -> Depth:
        rows = await self._rows(sql.OLDEST_QUEUED, {})
        age = max(0.0, self._clock() - rows[0][0]) if rows else 0.0
        return Depth({state: self.writer.states[state] for state in JobState}, age)

    async def known_keys(self, keys: Sequence[str]) -> set[str]:
        return await self._read(lambda: self._known(keys))

    async def put_asset(self, asset: Asset) -> Asset:
        values = asset_values(asset)
        return await self.writer.run(lambda tx: transitions.put_asset(tx, values))

    async def get_asset(self, tenant: str, asset_id: str) -> Asset | None:
        row = self._one(sql.GET_ASSET, {"tenant": tenant, "id": asset_id})
        return to_asset(row) if row else None

    async def list_assets(self, tenant: str, limit: int, cursor: str | None) -> Page[Asset]:
        created_before, before = read_asset_cursor(cursor) if cursor is not None else (float("inf"), "")
        values = {"tenant": tenant, "created_before": created_before, "before": before, "limit": limit + 1}
        assets = [to_asset(row) for row in await self._rows(sql.LIST_ASSETS, values)]
        return Page(assets[:limit], asset_cursor(assets[limit - 1]) if len(assets) > limit else None)

    async def delete_asset(self, tenant: str, asset_id: str) -> Asset | None:
        values = {"tenant": tenant, "id": asset_id}
        row = await self.writer.run(lambda tx: tx.one(sql.DELETE_ASSET, values))
        return to_asset(row) if row else None

    async def check(self) -> None:
        await self.writer.run(lambda _: None)

    async def close(self) -> None:
        await asyncio.to_thread(self._reads.shutdown)
        self._quick.close()
        self._slow.close()
        await self.writer.close()
        self._lock.release()

    def _one(self, statement: str, values: Mapping[str, object]) -> Row | None:
        try:
            rows = self._quick.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the job store cannot read: {error}") from error
        return rows[0] if rows else None

    async def _rows(self, statement: str, values: Mapping[str, object]) -> list[Row]:
        return await self._read(lambda: self._slow.execute(statement, values).fetchall())

    async def _read(self, read: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reads, read)
        except (sqlite3.Error, RuntimeError) as error:
            raise StoreUnavailable(f"the job store cannot read: {error}") from error

    def _known(self, keys: Sequence[str]) -> set[str]:
        known: set[str] = set()
        owners: set[tuple[str, str]] = set()
        for key in keys:
            owner = parse(key)
            if owner and owner.kind == "assets":
                values = {"tenant": owner.tenant, "key": key}
                known.update(row[0] for row in self._slow.execute(sql.ASSET_KEY, values))
            elif owner:
                owners.add((owner.tenant, owner.owner_id))
        for tenant, job_id in owners:
            for job in to_jobs(self._slow.execute(sql.GET_JOB, {"tenant": tenant, "id": job_id}).fetchall()):
                known.update(output.key for output in job.outputs)
                if job.source.key is not None:
                    known.add(job.source.key)
        return known.intersection(keys)
