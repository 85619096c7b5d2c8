"""The job store in one SQLite file, for one process on one machine."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pixelflow.adapters.store import listing, sweeping, transitions
from pixelflow.adapters.store import statements as sql
from pixelflow.adapters.store.audit import SqliteAudit
from pixelflow.adapters.store.batches import SqliteBatches
from pixelflow.adapters.store.bulks import SqliteBulks
from pixelflow.adapters.store.consequences import CONSEQUENCES
from pixelflow.adapters.store.cursors import asset_cursor, read_asset_cursor
from pixelflow.adapters.store.database import Database, open_database
from pixelflow.adapters.store.keeps import SqliteKeeps
from pixelflow.adapters.store.rows import (
    asset_values,
    completion_values,
    header_values,
    job_values,
    json_text,
    to_asset,
    to_event,
    to_job,
    to_jobs,
    to_keys,
    to_recalled,
)
from pixelflow.adapters.store.software import SqliteSoftware
from pixelflow.adapters.store.templates import SqliteTemplates
from pixelflow.adapters.store.tenants import SqliteTenants
from pixelflow.adapters.store.webhooks import SqliteWebhooks
from pixelflow.domain.asset import Asset
from pixelflow.domain.audit import KEEPER
from pixelflow.domain.event import Event
from pixelflow.domain.job import Claim, Completion, Failure, Header, Job, JobState, Output, Source
from pixelflow.domain.keys import parse
from pixelflow.domain.tenant import UNLIMITED, Foreseen, TenantLimits
from pixelflow.ports.store import Created, Depth, IdempotencyKey, JobFilter, Page, Recalled, Swept, Woken


async def open_sqlite(
    path: Path,
    clock: Callable[[], float] = time.time,
    limits: TenantLimits = UNLIMITED,
    *,
    synchronous: Literal["FULL", "NORMAL"] = "FULL",
) -> "SqliteStore":
    """Own the database, made or migrated where needed; raises StartupError if another process has it.

    ``limits`` are those of every tenant that has none of its own.
    ``NORMAL`` loses acknowledged commits at a power cut; it is there for the test that shows so.
    """
    connections = await asyncio.to_thread(open_database, path, synchronous)
    return SqliteStore(Database(connections, clock, limits, CONSEQUENCES))


class SqliteStore:
    """A JobStore: writes share commits, ``get`` reads at once, longer reads have a thread.

    The outputs of a job that is retried are named by no row any more: the keeper's sweep removes the files.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.audit = SqliteAudit(database)
        self.keeps = SqliteKeeps(database)
        self.software = SqliteSoftware(database)
        self.writer = database.writer
        self.batches = SqliteBatches(database)
        self.bulks = SqliteBulks(database)
        self.templates = SqliteTemplates(database)
        self.webhooks = SqliteWebhooks(database)
        self.tenants = SqliteTenants(database)

    async def create(self, job: Job, idempotency: IdempotencyKey | None = None) -> Created:
        values = job_values(job)
        return await self.database.write(lambda tx: transitions.create(tx, job, values, idempotency))

    async def get(self, tenant: str, job_id: str) -> Job | None:
        row = self.database.one(sql.GET_JOB, {"tenant": tenant, "id": job_id})
        return to_job(row) if row else None

    async def list_jobs(self, tenant: str, where: JobFilter, limit: int, cursor: str | None) -> Page[Job]:
        return await listing.page(self.database, tenant, where, limit, cursor)

    async def count_jobs(self, tenant: str, where: JobFilter) -> int:
        return await listing.count(self.database, tenant, where)

    async def attach(
        self, tenant: str, job_id: str, source: Source, foreseen: Foreseen | None = None
    ) -> Source | None:
        return await self.database.write(lambda tx: transitions.attach(tx, tenant, job_id, source, foreseen))

    async def start(self, tenant: str, job_id: str, source: Source) -> Job | None:
        return await self.database.write(lambda tx: transitions.start(tx, tenant, job_id, source))

    async def claim(self, owner: str, lease_seconds: float, limit: int = 1) -> Sequence[Job]:
        return await self.database.write(
            lambda tx: transitions.claim(tx, owner, lease_seconds, limit),
            regret=lambda jobs: lambda tx: transitions.release(tx, [job.claim for job in jobs]),
        )

    async def renew(self, claims: Mapping[Claim, int], lease_seconds: float) -> Sequence[Claim]:
        return await self.database.write(lambda tx: transitions.renew(tx, claims, lease_seconds))

    async def fetched(self, claim: Claim, source: Source) -> Job | None:
        return await self.database.write(lambda tx: transitions.fetched(tx, claim, source))

    async def referred(self, claim: Claim, size: int) -> bool:
        return await self.database.write(lambda tx: transitions.referred(tx, claim, size))

    async def announce(self, claim: Claim, outputs: Sequence[Output]) -> Job | None:
        return await self.database.write(lambda tx: transitions.announce(tx, claim, outputs))

    async def finish(self, claim: Claim, completion: Completion) -> Job | None:
        values = {**transitions.fence(claim), **completion_values(completion)}
        return await self.database.write(lambda tx: transitions.finish(tx, claim, values, completion))

    async def recall(self, tenant: str, keys: Sequence[bytes]) -> Mapping[bytes, Recalled]:
        rows = ((key, self.database.one(sql.RECALL, {"tenant": tenant, "key": key})) for key in keys)
        return {key: found for key, row in rows if row and (found := to_recalled(row))}

    async def crashed(self, claim: Claim, failure: Failure, found: Header | None = None) -> Job | None:
        values = {"error": json_text(failure), **header_values(found)}
        return await self.database.write(lambda tx: transitions.crash(tx, claim, values))

    async def fault(self, claim: Claim, failure: Failure, wait_seconds: float | None) -> Job | None:
        error = json_text(failure)
        return await self.database.write(lambda tx: transitions.fault(tx, claim, error, wait_seconds))

    async def wake(self, limit: int) -> Woken:
        return await self.database.write(lambda tx: transitions.wake(tx, limit))

    async def release(self, claims: Sequence[Claim], wait_seconds: float | None = None) -> Sequence[Job]:
        return await self.database.write(lambda tx: transitions.release(tx, claims, wait_seconds))

    async def cancel(self, tenant: str, job_id: str) -> Job | None:
        return await self.database.write(lambda tx: transitions.cancel(tx, tenant, job_id))

    async def retry(self, tenant: str, job_id: str) -> Job | None:
        return await self.database.write(lambda tx: transitions.retry(tx, tenant, job_id))

    async def delete(self, tenant: str, job_id: str, actor: str = KEEPER) -> Job | None:
        return await self.database.write(lambda tx: transitions.delete(tx, tenant, job_id, actor))

    async def hold(self, tenant: str, job_id: str, actor: str, *, held: bool) -> Job | None:
        return await self.database.write(lambda tx: transitions.hold(tx, tenant, job_id, actor, held=held))

    async def rescue(self, limit: int) -> Sequence[Job]:
        return await self.database.write(lambda tx: transitions.rescue(tx, limit))

    async def expire_uploads(self, older_than_seconds: float, limit: int) -> Sequence[Job]:
        while await self.database.write(lambda tx: transitions.forget(tx, limit)) >= limit:
            pass  # many callers make more keys in a period than one write should take
        return await self.database.write(lambda tx: transitions.expire_uploads(tx, older_than_seconds, limit))

    async def sweep(self, limit: int) -> Sequence[Swept]:
        return await self.database.write(lambda tx: sweeping.sweep(tx, limit))

    async def due(self, limit: int) -> Sequence[Job]:
        values = {"now": self.database.clock(), "limit": limit}
        return to_jobs(await self.database.rows(sweeping.DUE, values))

    async def events(self, tenant: str, job_id: str | None, after: int, limit: int) -> Sequence[Event]:
        statement = sql.TENANT_EVENTS if job_id is None else sql.JOB_EVENTS
        values = {"tenant": tenant, "id": job_id, "after": after, "limit": limit}
        return [to_event(row) for row in await self.database.rows(statement, values)]

    async def depth(self) -> Depth:
        rows = await self.database.rows(sql.OLDEST_QUEUED, {})
        age = max(0.0, self.database.clock() - rows[0][0]) if rows else 0.0
        return Depth({state: self.writer.states[state] for state in JobState}, age)

    async def known_keys(self, keys: Sequence[str]) -> set[str]:
        return await self.database.read(lambda connection: _known(connection, keys))

    async def put_asset(self, asset: Asset, idempotency: IdempotencyKey | None = None) -> Asset:
        values = asset_values(asset)
        return await self.database.write(lambda tx: transitions.put_asset(tx, asset, values, idempotency))

    async def get_asset(self, tenant: str, asset_id: str) -> Asset | None:
        row = self.database.one(sql.GET_ASSET, {"tenant": tenant, "id": asset_id})
        return to_asset(row) if row else None

    async def list_assets(self, tenant: str, limit: int, cursor: str | None) -> Page[Asset]:
        created_before, before = read_asset_cursor(cursor) if cursor is not None else (float("inf"), "")
        values = {"tenant": tenant, "created_before": created_before, "before": before, "limit": limit + 1}
        assets = [to_asset(row) for row in await self.database.rows(sql.LIST_ASSETS, values)]
        return Page(assets[:limit], asset_cursor(assets[limit - 1]) if len(assets) > limit else None)

    async def delete_asset(self, tenant: str, asset_id: str, actor: str = KEEPER) -> Asset | None:
        return await self.database.write(lambda tx: transitions.delete_asset(tx, tenant, asset_id, actor))

    async def check(self) -> None:
        await self.database.write(lambda _: None)

    async def close(self) -> None:
        await self.database.close()


def _known(connection: sqlite3.Connection, keys: Sequence[str]) -> set[str]:
    known: set[str] = set()
    owners: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for key in keys:
        owner = parse(key)
        if owner and owner.kind == "assets":
            values = {"tenant": owner.tenant, "key": key}
            known.update(row[0] for row in connection.execute(sql.ASSET_KEY, values))
        elif owner:
            owners.setdefault((owner.tenant, owner.owner_id), []).append((owner.attempt, key))
    for (tenant, job_id), owned in owners.items():
        for row in connection.execute(sql.GET_JOB_FILES, {"tenant": tenant, "id": job_id}):
            known.update(to_keys(row))
            known.update(key for attempt, key in owned if attempt == str(row[2]))
    return known.intersection(keys)
