"""The store's writes as functions of an open transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pixelflow.adapters.store import statements as sql
from pixelflow.adapters.store.audit import note
from pixelflow.adapters.store.idempotency import KEY_SECONDS, answered, remember
from pixelflow.adapters.store.listing import ADD_METADATA, DELETE_JOB_METADATA, searched
from pixelflow.adapters.store.quotas import Demand
from pixelflow.adapters.store.rows import json_text, source_text, to_asset, to_job
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.domain.asset import Asset
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import (
    MAX_CRASHES,
    MAX_LOSSES,
    RETRYABLE,
    Claim,
    Completion,
    Failure,
    Job,
    JobState,
    Output,
    Source,
)
from pixelflow.domain.tenant import Foreseen, day_of
from pixelflow.ports.store import Created, IdempotencyKey, Woken

Values = dict[str, object]
_LOST = Failure("lost", f"the worker of this job vanished {MAX_LOSSES} times")
_NO_UPLOAD = Failure("upload_expired", "no upload came in time")


def create(tx: Transaction, job: Job, values: Values, idempotency: IdempotencyKey | None) -> Created:
    """Insert the job, or answer the one that the key made."""
    made = answered(tx, job.tenant, idempotency)
    if made and (former := tx.job(job.tenant, made)):
        return Created(former, replayed=True)
    tx.quotas.admit(tx, job.tenant, Demand.of(job))
    queued_at = tx.now if job.state is JobState.QUEUED else None
    values.update(now=tx.now, sequence=tx.sequence + 1, queued_at=queued_at)
    tx.count(sql.INSERT_JOB, values)
    stored = replace(
        job,
        created_at=tx.now,
        updated_at=tx.now,
        queued_at=queued_at,
        sequence=tx.sequence + 1,
        charged_on=day_of(tx.now),
    )
    tx.entered(stored)
    for key, value in searched(job.metadata):
        tx.count(ADD_METADATA, {"tenant": job.tenant, "key": key, "value": value, "job_id": job.id})
    remember(tx, job.tenant, idempotency, None, job.id)
    return Created(stored)


def attach(
    tx: Transaction, tenant: str, job_id: str, source: Source, foreseen: Foreseen | None
) -> Source | None:
    """Replace the source of a job that awaits one, without an event."""
    job = tx.job(tenant, job_id)
    if job is None or job.state is not JobState.AWAITING_UPLOAD:
        return None
    cost, pixels = (foreseen.cpu_seconds, foreseen.pixels) if foreseen else (None, None)
    more = (source.bytes or 0) - (job.source.bytes or 0)
    demand = Demand(0, 0, more, (pixels or 0) - (job.pixels or 0), (cost or 0) - (job.cost or 0), more)
    tx.quotas.admit(tx, tenant, demand)
    values = {"tenant": tenant, "id": job_id, "source": source_text(source), "now": tx.now}
    tx.count(sql.ATTACH, {**values, "cost": cost, "pixels": pixels})
    return job.source


def start(tx: Transaction, tenant: str, job_id: str, source: Source) -> Job | None:
    """Queue a job that awaits its upload, unless it has another source than this one."""
    values: Values = {"tenant": tenant, "id": job_id, "source": source_text(source)}
    if tx.quotas.limited(tenant):
        job = tx.job(tenant, job_id)
        if job is None or job.state is not JobState.AWAITING_UPLOAD:
            return None
        more = 0 if job.source.key else source.bytes or 0
        tx.quotas.admit(tx, tenant, Demand(0, 1, more, 0, job.cost or 0.0, more))
    return tx.change(sql.START, values, JobState.AWAITING_UPLOAD)


def claim(tx: Transaction, owner: str, lease_seconds: float, limit: int) -> list[Job]:
    """One job after the other, so that each is the best one at its turn."""
    jobs: list[Job] = []
    values: Values = {"owner": owner, "lease_until": tx.now + lease_seconds}
    while len(jobs) < limit and (job := tx.change(sql.CLAIM, values, JobState.QUEUED)):
        jobs.append(job)
    return jobs


def renew(tx: Transaction, claims: Mapping[Claim, int], lease_seconds: float) -> list[Claim]:
    """Extend those that are still held."""
    lease = {"lease_until": tx.now + lease_seconds}
    return [
        held
        for held, progress in claims.items()
        if tx.count(sql.RENEW, {**fence(held), **lease, "progress": progress})
    ]


def fetched(tx: Transaction, held: Claim, source: Source) -> Job | None:
    """Note a source without an event: only the worker waits for it."""
    if tx.quotas.limited(held.tenant) and (job := tx.job(held.tenant, held.job_id)):
        size = source.bytes or 0
        charged = job.source.bytes or 0  # of one that was fetched before and is gone
        tx.quotas.admit(tx, held.tenant, Demand(bytes=size - charged, stored_bytes=size))
    values = {**fence(held), "source": source_text(source), "now": tx.now}
    row = tx.one(sql.FETCHED, values)
    return to_job(row) if row else None


def referred(tx: Transaction, held: Claim, size: int) -> bool:
    """Charge what earlier attempts were not charged; a column of its own costs other jobs nothing."""
    row = tx.one(sql.REFERRED_SO_FAR, fence(held))
    if row is None:
        return False
    charged, day = row
    if size > charged:
        tx.quotas.admit(tx, held.tenant, Demand(bytes=size - charged))
        tx.count(sql.REFERRED, {**fence(held), "bytes": size})
        tx.count(sql.ADD_BYTES, {"tenant": held.tenant, "day": day, "bytes": size - charged})
    return True


def announce(tx: Transaction, held: Claim, outputs: Sequence[Output]) -> Job | None:
    """Note outputs before the end, and append an event for each new one."""
    new = [output.id for output in outputs if output.ready_at is None]
    noted = [replace(output, ready_at=tx.now) if output.ready_at is None else output for output in outputs]
    sequence = tx.sequence + len(new)
    values = {**fence(held), "outputs": json_text(noted), "now": tx.now, "sequence": sequence}
    row = tx.one(sql.ANNOUNCE, values)
    if row is None:
        return None
    job = to_job(row)
    for step in new:
        tx.append(replace(job, sequence=tx.sequence + 1), EventKind.OUTPUT_READY, step)
    return job


def finish(tx: Transaction, held: Claim, values: Values, completion: Completion) -> Job | None:
    """End the job; once it is completed, its outputs are found by their keys."""
    job = tx.change(sql.FINISH, values, JobState.PROCESSING)
    if job is not None:
        tx.spend(job, completion.spent or {})
        for step, key in completion.keys.items():
            tx.count(sql.PUT_STEP, {"tenant": held.tenant, "key": key, "job_id": held.job_id, "step": step})
    return job


def release(tx: Transaction, claims: Sequence[Claim], wait_seconds: float | None = None) -> list[Job]:
    """Put back those that are still held."""
    wait: Values = {"not_before": None if wait_seconds is None else tx.now + wait_seconds}
    changed = (tx.change(sql.RELEASE, {**fence(held), **wait}, JobState.PROCESSING) for held in claims)
    return [job for job in changed if job]


def crash(tx: Transaction, held: Claim, values: Values) -> Job | None:
    """Count the crash and queue again, or quarantine."""
    values = {**fence(held), **values, "max_crashes": MAX_CRASHES}
    return tx.change(sql.CRASHED, values, JobState.PROCESSING)


def fault(tx: Transaction, held: Claim, error: str | None, wait_seconds: float | None) -> Job | None:
    """Count the fault and queue for later, or fail."""
    not_before = None if wait_seconds is None else tx.now + wait_seconds
    values = {**fence(held), "error": error, "not_before": not_before}
    return tx.change(sql.FAULT, values, JobState.PROCESSING)


def wake(tx: Transaction, limit: int) -> Woken:
    """Make claimable what has waited long enough."""
    jobs = tx.count(sql.WAKE, {"now": tx.now, "limit": limit})
    row = tx.one(sql.NEXT_TO_WAKE, {})
    return Woken(jobs, None if row is None else max(0.0, row[0] - tx.now))


def cancel(tx: Transaction, tenant: str, job_id: str) -> Job | None:
    """Cancel what has not ended."""
    job = tx.job(tenant, job_id)
    if job is None or job.terminal:
        return job
    return tx.change(sql.CANCEL, {"tenant": tenant, "id": job_id}, job.state)


def retry(tx: Transaction, tenant: str, job_id: str) -> Job | None:
    """Queue again what ended without success."""
    job = tx.job(tenant, job_id)
    if job is None or job.state not in RETRYABLE or (job.source.key is None and job.remote is None):
        return None
    tx.quotas.admit(tx, tenant, Demand.of(replace(job, state=JobState.QUEUED), stored=False))
    return tx.change(sql.RETRY, {"tenant": tenant, "id": job_id}, job.state)


def delete(tx: Transaction, tenant: str, job_id: str, actor: str) -> Job | None:
    """Remove the job, its events and its keys; only the event of the deletion stays, for those who listen."""
    values = {"tenant": tenant, "id": job_id}
    row = tx.one(sql.DELETE_JOB, values)
    if row is None:
        return None
    job = to_job(row)
    tx.count(sql.DELETE_JOB_EVENTS, values)
    tx.count(sql.DELETE_JOB_KEYS, values)
    tx.count(sql.DELETE_JOB_STEPS, values)
    if job.metadata:
        tx.count(DELETE_JOB_METADATA, values)
    tx.moves[job.state] -= 1
    gone = replace(job, updated_at=tx.now, sequence=tx.sequence + 1)
    tx.append(gone, EventKind.DELETED)
    note(tx, tenant, actor, "job.deleted", job_id, {"state": job.state, "created_at": job.created_at})
    return gone


def hold(tx: Transaction, tenant: str, job_id: str, actor: str, *, held: bool) -> Job | None:
    """Set or lift the hold; no event, since the job's state stays."""
    values = {"tenant": tenant, "id": job_id, "hold": held}
    row = tx.one(sql.HOLD, values)
    if row is None:
        return tx.job(tenant, job_id)
    note(tx, tenant, actor, "job.held" if held else "job.released", job_id)
    return to_job(row)


def rescue(tx: Transaction, limit: int) -> list[Job]:
    """Take back what an owner held beyond its lease."""
    values = {"error": json_text(_LOST), "max_losses": MAX_LOSSES}
    lost = tx.rows(sql.LOST, {"now": tx.now, "limit": limit})
    return _each(tx, lost, sql.RESCUE, values, JobState.PROCESSING)


def forget(tx: Transaction, limit: int) -> int:
    """Forget keys and deletions that are a day old; answers how many of those there were more of."""
    horizon = {"horizon": tx.now - KEY_SECONDS, "limit": limit}
    return max(tx.count(sql.FORGET_KEYS, horizon), tx.count(sql.FORGET_DELETED, horizon))


def expire_uploads(tx: Transaction, older_than_seconds: float, limit: int) -> list[Job]:
    """End what was never uploaded."""
    before = tx.now - older_than_seconds
    late = tx.rows(sql.NEVER_UPLOADED, {"created_before": before, "limit": limit})
    values = {"error": json_text(_NO_UPLOAD), "created_before": before}
    return _each(tx, late, sql.EXPIRE_UPLOAD, values, JobState.AWAITING_UPLOAD)


def _each(
    tx: Transaction,
    found: Sequence[tuple[str, str]],
    statement: str,
    values: Mapping[str, object],
    was: JobState,
) -> list[Job]:
    changed = (tx.change(statement, {**values, "tenant": t, "id": i}, was) for t, i in found)
    return [job for job in changed if job]


def put_asset(tx: Transaction, asset: Asset, values: Values, idempotency: IdempotencyKey | None) -> Asset:
    """Insert, or leave the one that is there: the same bytes are the same asset, with or without a key."""
    answered(tx, asset.tenant, idempotency)
    if tx.one(sql.GET_ASSET, values) is None:
        tx.quotas.admit(tx, asset.tenant, Demand(stored_bytes=asset.bytes))
    tx.count(sql.PUT_ASSET, values)
    remember(tx, asset.tenant, idempotency, asset.id)
    return to_asset(tx.rows(sql.GET_ASSET, values)[0])


def delete_asset(tx: Transaction, tenant: str, asset_id: str, actor: str) -> Asset | None:
    """Remove the row."""
    row = tx.one(sql.DELETE_ASSET, {"tenant": tenant, "id": asset_id})
    if row is None:
        return None
    note(tx, tenant, actor, "asset.deleted", asset_id)
    return to_asset(row)


def fence(held: Claim) -> Values:
    """What a statement with ``FENCE`` needs."""
    return {"tenant": held.tenant, "id": held.job_id, "attempt": held.attempt, "owner": held.owner}
