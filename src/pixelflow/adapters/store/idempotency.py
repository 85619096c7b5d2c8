"""Idempotency keys, for whatever a store's ``create`` makes: the key is kept in the transaction of the thing.

    def create(tx, thing, promise):
        if (former := answered(tx, thing.tenant, promise)) is not None:
            return read(former)          # what the first request was answered with
        tx.count(INSERT_THING, …)
        remember(tx, thing.tenant, promise, thing.id)

The answer is any text from which the first one can be given again, as an id or JSON. Where the thing was
deleted since, the key is taken as a new one: ``remember`` replaces what it was.
"""

from pixelflow.adapters.store import statements as sql
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.domain.errors import InvalidRequest, Problem
from pixelflow.ports.store import IdempotencyKey

KEY_SECONDS = 24 * 3600.0
"""How long an idempotency key is kept, and the event of a deletion."""


def answered(tx: Transaction, tenant: str, promise: IdempotencyKey | None) -> str | None:
    """What the same request was answered with before; raises InvalidRequest (code ``idempotency_mismatch``)
    for a key that made another one within 24 h."""
    if promise is None:
        return None
    row = tx.one(sql.GET_KEY, {"tenant": tenant, "key": promise.key})
    if row is None:
        return None
    fingerprint, job_id, created_at, answer = row
    if created_at <= tx.now - KEY_SECONDS:
        return None
    if fingerprint != promise.fingerprint:
        text = "this Idempotency-Key was used for another request within 24 hours; send a new key"
        raise InvalidRequest(
            [Problem(text, "Idempotency-Key", value=promise.key)], code="idempotency_mismatch"
        )
    return job_id if answer is None else str(answer)


def remember(
    tx: Transaction, tenant: str, promise: IdempotencyKey | None, answer: str | None, job_id: str = ""
) -> None:
    """Keep what the request is answered with; a job's key has no answer but its ``job_id``."""
    if promise is not None:
        key = {"tenant": tenant, "key": promise.key, "fingerprint": promise.fingerprint}
        tx.count(sql.PUT_KEY, {**key, "job_id": job_id, "answer": answer, "now": tx.now})
