"""Messages and their deliveries, made in the transaction of what they tell of."""

from collections.abc import Mapping
from typing import Any

from pixelflow.adapters.store import webhook_statements as sql
from pixelflow.adapters.store.rows import Row
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.adapters.store.webhook_rows import message_values, to_events
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Job
from pixelflow.domain.webhook import (
    BATCH_COMPLETED,
    TYPES,
    DeliveryState,
    Message,
    delivery_id,
    message_id,
    origin,
)

NEWS = "webhooks"
"""What is told after a commit that made deliveries due."""


def tell(tx: Transaction, job: Job, kind: EventKind, output: str | None) -> None:
    """What an event of a job entails: nothing but one read where nobody is to be told."""
    if kind is EventKind.DELETED:
        forget_job(tx, job)
        return
    name = TYPES.get(kind)
    if name is None:
        return
    receivers = tx.rows(sql.RECEIVERS, {"tenant": job.tenant})
    if kind is EventKind.COMPLETED:
        for made in job.outputs:
            if receivers and made.ready_at is None:  # a short job's, which nothing has told of yet
                _tell(tx, receivers, _about(job, TYPES[EventKind.OUTPUT_READY], made.id), None)
    own = job.webhook_url if kind is not EventKind.OUTPUT_READY else None
    if receivers or own:
        _tell(tx, receivers, _about(job, name, output), own)


def batch_completed(tx: Transaction, tenant: str, batch_id: str, shown: Mapping[str, Any]) -> None:
    """Tell the tenant's endpoints that a batch is done; ``shown`` is the batch as the API shows it."""
    message = Message(
        tenant, message_id(), BATCH_COMPLETED, tx.now, tx.sequence, data=shown, batch_id=batch_id
    )
    _tell(tx, tx.rows(sql.RECEIVERS, {"tenant": tenant}), message, None)


def _about(job: Job, name: str, output: str | None) -> Message:
    return Message(job.tenant, message_id(), name, job.updated_at, job.sequence, job, output)


def _tell(tx: Transaction, receivers: list[Row], message: Message, own_url: str | None) -> None:
    asked = [row for row in receivers if message.kind in to_events(row[2])]
    if not asked and own_url is None:
        return
    tx.count(sql.ADD_MESSAGE, message_values(message))
    if own_url is not None:
        deliver(tx, message, None, own_url)
    for endpoint_id, url, _, state, reason in asked:
        disabled = None if state == "enabled" else f"the endpoint is disabled: {reason}"
        deliver(tx, message, endpoint_id, url, disabled)


def deliver(
    tx: Transaction, message: Message, endpoint_id: str | None, url: str, disabled: str | None = None
) -> str:
    """A delivery that is due now, and its id; one to a ``disabled`` endpoint is dead, to be had later."""
    state = DeliveryState.DEAD if disabled else DeliveryState.PENDING
    made = delivery_id()
    tx.count(
        sql.ADD_DELIVERY,
        {
            "tenant": message.tenant,
            "id": made,
            "message_id": message.id,
            "kind": message.kind,
            "endpoint_id": endpoint_id,
            "job_id": message.job.id if message.job else None,
            "url": url,
            "lane": endpoint_id or origin(url),
            "state": state.value,
            "now": tx.now,
            "ended_at": tx.now if disabled else None,
            "error": disabled,
        },
    )
    if not disabled:
        tx.news.add(NEWS)
    return made


def forget_job(tx: Transaction, job: Job) -> None:
    """What was told of a job goes with it."""
    for (found,) in tx.rows(sql.OF_JOB, {"tenant": job.tenant, "id": job.id}):
        tx.count(sql.FORGET_ATTEMPTS, {"tenant": job.tenant, "id": found})
        tx.count(sql.FORGET_DELIVERY, {"tenant": job.tenant, "id": found})
    tx.count(sql.FORGET_JOB_MESSAGES, {"tenant": job.tenant, "id": job.id})
