"""What a job's events mean for its batch, in their own transaction."""

from pixelflow.adapters.store import batch_statements as sql
from pixelflow.adapters.store.batch_rows import to_batch
from pixelflow.adapters.store.rows import Row
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.adapters.store.webhook_messages import batch_completed
from pixelflow.domain.batch import Batch, ItemState, batch_view
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Job

NEWS = "batches"
"""What is told after a commit that gave the keeper something to do."""
ENDS = {
    EventKind.COMPLETED: ItemState.COMPLETED,
    EventKind.FAILED: ItemState.FAILED,
    EventKind.CANCELLED: ItemState.CANCELLED,
    EventKind.QUARANTINED: ItemState.QUARANTINED,
    EventKind.DELETED: ItemState.CANCELLED,
}
BACK = frozenset({ItemState.FAILED, ItemState.CANCELLED, ItemState.QUARANTINED})
"""What a line's own job can come back from."""


def count(tx: Transaction, job: Job, kind: EventKind, output: str | None) -> None:
    """Note the end of a line's job, or that it was retried; the last end is the batch's."""
    if job.batch_id is None or (kind not in ENDS and kind is not EventKind.QUEUED):
        return
    values = {"tenant": job.tenant, "id": job.batch_id, "job_id": job.id}
    row = tx.one(sql.ITEM_OF_JOB, values)
    if row is None:
        return
    item = {**values, "number": row[0], "code": None, "error": None}
    was, now = ItemState(row[1]), ENDS.get(kind, ItemState.SUBMITTED)
    change = dict.fromkeys(("unfinished", "in_flight", *(state.value for state in ENDS.values())), 0)
    if was is ItemState.SUBMITTED and now is not ItemState.SUBMITTED:
        change |= {"unfinished": -1, "in_flight": -1, now.value: 1}
        if kind is EventKind.DELETED:
            item |= {"code": "deleted", "error": "its job was deleted before its end"}
        elif job.error is not None:
            item |= {"code": job.error.code, "error": job.error.message}
    elif was in BACK and now is ItemState.SUBMITTED:
        change |= {"unfinished": 1, "in_flight": 1, was.value: -1}
    else:
        return
    tx.count(sql.PUT_ITEM, {**item, "state": now.value})
    counted(tx, tx.one(sql.COUNT, {**values, **change}))


def counted(tx: Transaction, row: Row | None) -> None:
    """See what follows from a batch's new counts."""
    if row is None:
        return
    batch = to_batch(row)
    if batch.unfinished == 0:
        finish(tx, batch)
    elif batch.unfinished > batch.in_flight and batch.in_flight <= batch.max_in_flight // 2:
        # Not after every job: half a batch's jobs at a time cost little more than one.
        tx.news.add(NEWS)


def finish(tx: Transaction, batch: Batch) -> None:
    """End a batch once, with its event and messages."""
    values = {"tenant": batch.tenant, "id": batch.id, "now": tx.now, "sequence": tx.sequence + 1}
    row = tx.one(sql.FINISH_BATCH, values)
    if row is None:
        return
    shown = batch_view(to_batch(row))
    tx.note(EventKind.BATCH_COMPLETED, batch.tenant, batch.id, shown)
    batch_completed(tx, batch.tenant, batch.id, shown)
    tx.news.add(NEWS)
