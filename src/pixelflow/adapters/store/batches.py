"""Batches in the SQLite store."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from heapq import merge

from pixelflow.adapters.store import batch_statements as sql
from pixelflow.adapters.store import statements, transitions
from pixelflow.adapters.store.audit import note
from pixelflow.adapters.store.batch_counts import NEWS, finish
from pixelflow.adapters.store.batch_rows import batch_values, items_text, to_batch, to_item
from pixelflow.adapters.store.cursors import LAST_ID, read_job_cursor
from pixelflow.adapters.store.database import Database
from pixelflow.adapters.store.idempotency import answered, remember
from pixelflow.adapters.store.rows import job_values, json_text, to_jobs
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.domain.audit import KEEPER
from pixelflow.domain.batch import Batch, BatchState, Item, ItemState, batch_view
from pixelflow.domain.errors import Busy, StateConflict
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import Job
from pixelflow.ports.store import IdempotencyKey, Page

Key = Mapping[str, object]
STOPPED_SECONDS = 2
"""When to ask again whether a cancelled batch's jobs have stopped."""
RETRIED = (ItemState.FAILED, ItemState.QUARANTINED, ItemState.CANCELLED)
"""Lines without a job are pending still when their batch was cancelled."""


class SqliteBatches:
    """A BatchStore over the job store's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, batch: Batch, items: Sequence[Item], idempotency: IdempotencyKey | None = None
    ) -> Batch:
        text = await asyncio.to_thread(items_text, items)
        values = {**batch_values(batch), "items": text}
        return await self._database.write(lambda tx: _add(tx, values, idempotency))

    async def get(self, tenant: str, batch_id: str) -> Batch | None:
        row = self._database.one(sql.GET_BATCH, {"tenant": tenant, "id": batch_id})
        return to_batch(row) if row else None

    async def list(self, tenant: str, limit: int, cursor: str | None) -> Page[Batch]:
        before = read_job_cursor(cursor) if cursor is not None else LAST_ID
        values = {"tenant": tenant, "before": before, "limit": limit + 1}
        found = [to_batch(row) for row in await self._database.rows(sql.LIST_BATCHES, values)]
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def items(
        self, tenant: str, batch_id: str, states: Sequence[ItemState], after: int, limit: int
    ) -> Sequence[Item]:
        found = []
        for state in states:
            values = {"tenant": tenant, "id": batch_id, "after": after, "limit": limit, "state": state.value}
            rows = await self._database.rows(sql.ITEMS_IN_STATE, values)
            found.append([to_item(row) for row in rows])
        return list(merge(*found, key=lambda item: item.number))[:limit]

    async def pause(self, tenant: str, batch_id: str) -> Batch | None:
        return await self._change(tenant, batch_id, BatchState.RUNNING, BatchState.PAUSED)

    async def resume(self, tenant: str, batch_id: str) -> Batch | None:
        return await self._change(tenant, batch_id, BatchState.PAUSED, BatchState.RUNNING)

    async def cancel(self, tenant: str, batch_id: str, actor: str = KEEPER) -> Batch | None:
        return await self._database.write(lambda tx: _cancel(tx, {"tenant": tenant, "id": batch_id}, actor))

    async def retry(
        self, tenant: str, batch_id: str, idempotency: IdempotencyKey | None = None
    ) -> Batch | None:
        values = {"tenant": tenant, "id": batch_id}
        return await self._database.write(lambda tx: _retry(tx, values, idempotency))

    async def delete(self, tenant: str, batch_id: str, actor: str = KEEPER) -> bool:
        return await self._database.write(lambda tx: _delete(tx, {"tenant": tenant, "id": batch_id}, actor))

    async def forget(self, older_than_seconds: float, limit: int) -> int:
        return await self._database.write(lambda tx: _forget(tx, older_than_seconds, limit))

    async def feed(self, limit: int) -> Sequence[Job] | None:
        return await self._database.write(lambda tx: _feed(tx, limit))

    async def stopping(self, limit: int) -> Sequence[Job]:
        jobs: list[Job] = []
        for tenant, batch_id in await self._database.rows(sql.STOPPING, {"limit": limit}):
            values = {"tenant": tenant, "id": batch_id, "limit": limit}
            jobs += to_jobs(await self._database.rows(sql.JOBS_IN_FLIGHT, values))
        return jobs[:limit]

    async def ended(self, limit: int) -> Sequence[tuple[Event, Job]]:
        return await self._database.write(lambda tx: _ended(tx, limit))

    def on_news(self, ring: Callable[[], None]) -> None:
        self._database.writer.listeners.setdefault(NEWS, []).append(ring)

    async def _change(self, tenant: str, batch_id: str, was: BatchState, now: BatchState) -> Batch | None:
        values = {"tenant": tenant, "id": batch_id, "was": was.value, "state": now.value}
        return await self._database.write(lambda tx: _change(tx, values))


def _add(tx: Transaction, values: Key, idempotency: IdempotencyKey | None) -> Batch:
    tenant = str(values["tenant"])
    made = answered(tx, tenant, idempotency)
    if made and (former := tx.one(sql.GET_BATCH, {"tenant": tenant, "id": made})):
        return to_batch(former)
    tx.count(sql.INSERT_BATCH, {**values, "now": tx.now})
    tx.count(sql.INSERT_ITEMS, values)
    remember(tx, tenant, idempotency, str(values["id"]))
    tx.news.add(NEWS)
    return to_batch(tx.rows(sql.GET_BATCH, values)[0])


def _change(tx: Transaction, values: Key) -> Batch | None:
    row = tx.one(sql.SET_STATE, values)
    if row is not None:
        tx.news.add(NEWS)
        return to_batch(row)
    batch = _known(tx, values)
    if batch is not None and batch.state != values["state"]:
        raise _conflict(batch, f"only a {values['was']} batch can become {values['state']}")
    return batch


def _cancel(tx: Transaction, values: Key, actor: str) -> Batch | None:
    row = tx.one(sql.CANCEL_BATCH, values)
    if row is None:
        batch = _known(tx, values)
        if batch is not None and batch.state is not BatchState.CANCELLED:
            raise _conflict(batch, "it has ended already")
        return batch
    batch = to_batch(row)
    note(tx, batch.tenant, actor, "batch.cancelled", batch.id, {"unfinished": batch.unfinished})
    tx.news.add(NEWS)
    if batch.unfinished == 0:
        finish(tx, batch)
    return _known(tx, values)


def _retry(tx: Transaction, values: Key, idempotency: IdempotencyKey | None) -> Batch | None:
    batch = _known(tx, values)
    if batch is None or answered(tx, batch.tenant, idempotency) is not None:
        return batch
    if batch.state is BatchState.CANCELLED and batch.finished_at is None:
        raise _conflict(batch, "some of its jobs have not stopped yet", retry_after=STOPPED_SECONDS)
    if not batch.failed + batch.quarantined + batch.cancelled:
        raise _conflict(batch, "none of its lines failed or was cancelled")
    for state in RETRIED:
        tx.count(sql.RETRY_ITEMS, {**values, "state": state.value})
    remember(tx, batch.tenant, idempotency, batch.id)
    tx.news.add(NEWS)
    return to_batch(tx.rows(sql.RETRY_BATCH, values)[0])


def _delete(tx: Transaction, values: Key, actor: str) -> bool:
    batch = _known(tx, values)
    if batch is None:
        return False
    if batch.finished_at is None:
        raise _conflict(batch, "it has not ended; cancel it first")
    note(tx, batch.tenant, actor, "batch.deleted", batch.id, {"total": batch.total})
    tx.count(sql.DELETE_ITEMS, values)
    tx.count(statements.DELETE_JOB_EVENTS, values)
    return tx.count(sql.DELETE_BATCH, values) > 0


def _forget(tx: Transaction, older_than_seconds: float, limit: int) -> int:
    horizon = {"horizon": tx.now - older_than_seconds, "limit": limit}
    found = tx.rows(sql.FORGOTTEN, horizon)
    for tenant, batch_id in found:
        _delete(tx, {"tenant": tenant, "id": batch_id}, KEEPER)
    return len(found)


def _feed(tx: Transaction, limit: int) -> list[Job] | None:
    row = tx.one(sql.HUNGRY, {})
    if row is None:
        return None
    batch = to_batch(row)
    values = {"tenant": batch.tenant, "id": batch.id}
    room = min(limit, batch.max_in_flight - batch.in_flight)
    pending = {**values, "state": ItemState.PENDING.value, "after": -1, "limit": room}
    jobs: list[Job] = []
    for item in map(to_item, tx.rows(sql.ITEMS_IN_STATE, pending)):
        job = batch.job(item, tx.now)
        try:
            jobs.append(transitions.create(tx, job, job_values(job), None).job)
        except Busy:
            break  # the tenant has no room now; it is refused before anything is written
        submitted = {"number": item.number, "state": ItemState.SUBMITTED.value, "job_id": job.id}
        tx.count(sql.PUT_ITEM, {**values, **submitted, "code": None, "error": None})
    tx.count(sql.FED, {**values, "jobs": len(jobs), "now": tx.now})
    return jobs


def _ended(tx: Transaction, limit: int) -> list[tuple[Event, Job]]:
    found = []
    for row in tx.rows(sql.ENDED, {"limit": limit}):
        batch = to_batch(row[:-1])
        tx.count(sql.ANNOUNCED, {"tenant": batch.tenant, "id": batch.id})
        event = Event(
            batch.tenant,
            batch.id,
            EventKind.BATCH_COMPLETED,
            batch.finished_at or 0.0,
            row[-1],
            output=json_text(batch_view(batch)),
        )
        found.append((event, batch.draft))
    return found


def _known(tx: Transaction, values: Key) -> Batch | None:
    row = tx.one(sql.GET_BATCH, values)
    return to_batch(row) if row else None


def _conflict(batch: Batch, why: str, **extra: int) -> StateConflict:
    text = f"batch {batch.id} is {batch.state}: {why}"
    return StateConflict(text, code="state_conflict", state=batch.state.value, **extra)
