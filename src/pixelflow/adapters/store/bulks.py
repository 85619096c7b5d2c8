"""Operations on many jobs as rows."""
# ruff: noqa: S608 - only this module's own column list is put into statements

from collections.abc import Callable
from dataclasses import replace

import msgspec

from pixelflow.adapters.store import transitions
from pixelflow.adapters.store.cursors import LAST_ID, read_job_cursor
from pixelflow.adapters.store.database import Database
from pixelflow.adapters.store.idempotency import answered, remember
from pixelflow.adapters.store.listing import filter_values, look
from pixelflow.adapters.store.rows import Row, to_jobs
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.domain.bulk import Bulk, BulkAction
from pixelflow.domain.errors import Busy
from pixelflow.domain.job import Job
from pixelflow.ports.bulks import Stepped
from pixelflow.ports.store import IdempotencyKey, JobFilter, Page

BULK_COLUMNS = (
    "tenant, id, action, filter, actor, total, created_at, updated_at, changed, skipped, cursor, finished_at"
)

ADD_BULK = f"""
INSERT INTO bulk ({BULK_COLUMNS})
VALUES (:tenant, :id, :action, :filter, :actor, :total, :now, :now, 0, 0, NULL, NULL)
"""
GET_BULK = f"SELECT {BULK_COLUMNS} FROM bulk WHERE tenant = :tenant AND id = :id"
LIST_BULKS = f"""
SELECT {BULK_COLUMNS} FROM bulk WHERE tenant = :tenant AND id < :before ORDER BY id DESC LIMIT :limit
"""
FORGET_BULKS = """
DELETE FROM bulk WHERE (tenant, id) IN (
    SELECT tenant, id FROM bulk WHERE finished_at IS NOT NULL AND finished_at < :horizon
    ORDER BY finished_at LIMIT :limit)
"""
NEXT_BULK = f"""
SELECT {BULK_COLUMNS} FROM bulk
WHERE finished_at IS NULL AND updated_at <= :now ORDER BY updated_at LIMIT 1
"""
ADVANCE_BULK = """
UPDATE bulk SET changed = :changed, skipped = :skipped, cursor = :cursor, updated_at = :now,
    finished_at = :finished_at
WHERE tenant = :tenant AND id = :id
"""


class SqliteBulks:
    """A BulkStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, bulk: Bulk, idempotency: IdempotencyKey | None) -> tuple[Bulk, bool]:
        return await self._database.write(lambda tx: _create(tx, bulk, idempotency))

    async def get(self, tenant: str, bulk_id: str) -> Bulk | None:
        row = self._database.one(GET_BULK, {"tenant": tenant, "id": bulk_id})
        return _to_bulk(row) if row else None

    async def list(self, tenant: str, limit: int, cursor: str | None) -> Page[Bulk]:
        before = LAST_ID if cursor is None else read_job_cursor(cursor)
        values = {"tenant": tenant, "before": before, "limit": limit + 1}
        found = [_to_bulk(row) for row in await self._database.rows(LIST_BULKS, values)]
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def forget(self, older_than_seconds: float, limit: int) -> int:
        return await self._database.write(
            lambda tx: tx.count(FORGET_BULKS, {"horizon": tx.now - older_than_seconds, "limit": limit})
        )

    async def step(self, read: Callable[[Bulk], JobFilter], limit: int) -> Stepped | None:
        return await self._database.write(lambda tx: _step(tx, read, limit))


def _create(tx: Transaction, bulk: Bulk, idempotency: IdempotencyKey | None) -> tuple[Bulk, bool]:
    former = answered(tx, bulk.tenant, idempotency)
    row = former and tx.one(GET_BULK, {"tenant": bulk.tenant, "id": former})
    if row:
        return _to_bulk(row), True
    values = {
        "tenant": bulk.tenant,
        "id": bulk.id,
        "action": bulk.action.value,
        "filter": msgspec.json.encode(bulk.where).decode(),
        "actor": bulk.actor,
        "total": bulk.total,
        "now": tx.now,
    }
    tx.count(ADD_BULK, values)
    remember(tx, bulk.tenant, idempotency, bulk.id)
    return replace(bulk, created_at=tx.now, updated_at=tx.now), False


def _step(tx: Transaction, read: Callable[[Bulk], JobFilter], limit: int) -> Stepped | None:
    row = tx.one(NEXT_BULK, {"now": tx.now})
    if row is None:
        return None
    bulk = _to_bulk(row)
    where = read(bulk)
    values = {**filter_values(bulk.tenant, where, bulk.cursor), "limit": limit}
    rows, edge = look(tx.rows, where, values)
    found = to_jobs(rows)
    changed: list[Job] = []
    gone_through, waits = 0, False
    for job in found:
        try:
            after = _do(tx, bulk, job)
        except Busy:
            waits = True
            break
        gone_through += 1
        if after is not None:
            changed.append(after)
    through = not waits and len(found) < limit
    cursor = edge if through else found[gone_through - 1].id if gone_through else bulk.cursor
    bulk = replace(
        bulk,
        changed=bulk.changed + len(changed),
        skipped=bulk.skipped + gone_through - len(changed),
        cursor=cursor or bulk.cursor,
        updated_at=tx.now,
        finished_at=tx.now if through and edge is None else None,
    )
    values = {
        "tenant": bulk.tenant,
        "id": bulk.id,
        "changed": bulk.changed,
        "skipped": bulk.skipped,
        "cursor": bulk.cursor,
        "now": tx.now,
        "finished_at": bulk.finished_at,
    }
    tx.count(ADVANCE_BULK, values)
    return Stepped(bulk, changed, waits)


def _do(tx: Transaction, bulk: Bulk, job: Job) -> Job | None:
    """The job as it is then, ``None`` when it stays."""
    match bulk.action:
        case BulkAction.CANCEL:
            return None if job.terminal else transitions.cancel(tx, job.tenant, job.id)
        case BulkAction.RETRY:
            return transitions.retry(tx, job.tenant, job.id)
        case BulkAction.DELETE:
            return transitions.delete(tx, job.tenant, job.id, bulk.actor)


def _to_bulk(row: Row) -> Bulk:
    tenant, bulk_id, action, where, actor, *rest = row
    total, created_at, updated_at, changed, skipped, cursor, finished_at = rest
    return Bulk(
        tenant,
        bulk_id,
        BulkAction(action),
        msgspec.json.decode(where),
        actor,
        total,
        created_at,
        updated_at,
        changed,
        skipped,
        cursor,
        finished_at,
    )
