"""What is kept no longer goes from the rows: the source, the outputs, or all of a job."""
# ruff: noqa: S608 - only this package's own column lists and conditions are put into statements

from dataclasses import replace

from pixelflow.adapters.store import transitions
from pixelflow.adapters.store.rows import JOB_COLUMNS, json_text, source_text, to_jobs
from pixelflow.adapters.store.statements import DELETE_JOB_STEPS, TERMINAL
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.domain.audit import KEEPER
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Job
from pixelflow.domain.keep import PARTS, Gone
from pixelflow.ports.store import Swept

ENDED = f"{TERMINAL} AND hold = 0"

DUE = f"""
SELECT {JOB_COLUMNS} FROM job
WHERE {ENDED} AND sweep_at IS NOT NULL AND sweep_at <= :now ORDER BY sweep_at LIMIT :limit
"""

SCHEDULE = "UPDATE job SET sweep_at = :sweep_at WHERE tenant = :tenant AND id = :id"

STRIP = """
UPDATE job SET source = :source, outputs = :outputs, gone = :gone, sweep_at = :sweep_at
WHERE tenant = :tenant AND id = :id
"""


def schedule(tx: Transaction, job: Job, kind: EventKind, output: str | None) -> None:
    """A job that ends tells when something of it is to go; nothing is asked where all is kept."""
    if job.terminal and kind is not EventKind.DELETED and (job.keep or job.expires_at is not None):
        tx.count(SCHEDULE, {"tenant": job.tenant, "id": job.id, "sweep_at": _next(job)})


def sweep(tx: Transaction, limit: int) -> list[Swept]:
    """Rows first; whoever runs this beside another finds nothing left to do."""
    return [_swept(tx, job) for job in to_jobs(tx.rows(DUE, {"now": tx.now, "limit": limit}))]


def _swept(tx: Transaction, job: Job) -> Swept:
    parts = [part for part in PARTS if (at := job.due(part)) is not None and at <= tx.now]
    if "record" in parts:
        was = transitions.delete(tx, job.tenant, job.id, KEEPER) or job
        return Swept(was, PARTS, job.keys, job.stored_bytes, deleted=True)
    left, gone = job, job.gone or Gone()
    if "source" in parts:
        left, gone = replace(left, source=replace(job.source, key=None)), replace(gone, source=tx.now)
    if "outputs" in parts:
        outputs = [replace(output, key="") for output in job.outputs]
        left, gone = replace(left, outputs=outputs), replace(gone, outputs=tx.now)
        tx.count(DELETE_JOB_STEPS, {"tenant": job.tenant, "id": job.id})
    left = replace(left, gone=gone if parts else job.gone)
    left = replace(left, sweep_at=_next(left))
    values = {
        "tenant": job.tenant,
        "id": job.id,
        "source": source_text(left.source),
        "outputs": json_text(left.outputs),
        "gone": json_text(left.gone),
        "sweep_at": left.sweep_at,
    }
    tx.count(STRIP, values)
    keys = [key for key in job.keys if key not in left.keys]
    return Swept(left, parts, keys, job.stored_bytes - left.stored_bytes)


def _next(job: Job) -> float | None:
    return min((at for part in PARTS if (at := job.due(part)) is not None), default=None)
