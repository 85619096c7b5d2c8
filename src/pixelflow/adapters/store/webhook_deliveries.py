"""The writes of deliveries as functions of an open transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pixelflow.adapters.store import webhook_statements as sql
from pixelflow.adapters.store.audit import note
from pixelflow.adapters.store.idempotency import answered, remember
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.adapters.store.webhook_messages import NEWS
from pixelflow.adapters.store.webhook_rows import (
    attempt_values,
    secrets_text,
    to_delivery,
    to_endpoint,
    to_message,
    to_secrets,
)
from pixelflow.domain.audit import KEEPER
from pixelflow.domain.job import new_id
from pixelflow.domain.signature import new_secret
from pixelflow.domain.webhook import (
    ENDPOINT,
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointState,
    Parcel,
    Secret,
    Verdict,
    origin,
)
from pixelflow.ports.store import IdempotencyKey
from pixelflow.ports.webhooks import Claimed, Lane, Resent

GIVE_UP_LIMIT = 100
"""Deliveries to a receiver that is no more which end in one claim."""
GONE = "the receiver answered 410: it wants no more"
FAILING = "nothing but failures for {0:.0f} s"


def tenant_secrets(tx: Transaction, tenant: str) -> Sequence[Secret]:
    """The tenant's, made when there is none."""
    row = tx.one(sql.GET_TENANT_SECRETS, {"tenant": tenant})
    if row and row[0]:
        return to_secrets(row[0])
    made = (Secret(new_secret()),)
    tx.count(sql.KEEP_TENANT_SECRETS, {"tenant": tenant, "secrets": secrets_text(made)})
    return made


def claim(
    tx: Transaction,
    owner: str,
    lease_seconds: float,
    limit: int,
    lane_limit: int,
    taken: Mapping[Lane, int],
) -> Claimed:
    """Lane by lane, the longest due first; a full one is passed over and has no say in when to come again."""
    # Two claims of one owner at the same moment must not be taken for each other.
    owner = f"{owner} {new_id()}"
    held = Counter(taken)
    parcels: list[Parcel] = []
    for tenant, lane, next_at in tx.rows(sql.LANES, {"limit": _full(held, lane_limit) + limit}):
        room = min(lane_limit - held[tenant, lane], limit - len(parcels))
        if room <= 0:
            continue
        if next_at > tx.now:
            break
        values = {"tenant": tenant, "lane": lane, "now": tx.now}
        receiver = _receiver(tx, tenant, lane)
        if isinstance(receiver, str):
            tx.count(sql.GIVE_UP, {**values, "error": receiver, "limit": GIVE_UP_LIMIT})
            continue
        lease = {"owner": owner, "lease_until": tx.now + lease_seconds, "limit": room, "url": receiver.url}
        found = [to_delivery(row) for row in tx.rows(sql.TAKE, {**values, **lease})]
        parcels += [_parcel(tx, delivery, receiver, owner) for delivery in found]
        held[tenant, lane] += len(found)
    if len(parcels) < limit:
        for tenant, lane, next_at in tx.rows(sql.LANES, {"limit": _full(held, lane_limit) + 1}):
            if held[tenant, lane] < lane_limit:
                return Claimed(parcels, next_at)
    return Claimed(parcels, None)


def _full(held: Mapping[Lane, int], lane_limit: int) -> int:
    return sum(1 for number in held.values() if number >= lane_limit)


@dataclass(frozen=True, slots=True)
class _Receiver:
    """Where a lane leads: ``url`` where it is the endpoint's, and what signs now."""

    url: str | None
    secrets: Sequence[str]


def _receiver(tx: Transaction, tenant: str, lane: str) -> "_Receiver | str":
    """The receiver of a lane, or why there is none."""
    if not lane.startswith(ENDPOINT):
        return _Receiver(None, _valid(tx, tenant_secrets(tx, tenant)))
    row = tx.one(sql.GET_ENDPOINT, {"tenant": tenant, "id": lane})
    if row is None:
        return "the endpoint was removed"
    endpoint = to_endpoint(row)
    if endpoint.state is EndpointState.DISABLED:
        return f"the endpoint is disabled: {endpoint.reason}"
    return _Receiver(endpoint.url, _valid(tx, endpoint.secrets))


def _valid(tx: Transaction, secrets: Sequence[Secret]) -> Sequence[str]:
    return [each.text for each in secrets if each.until is None or each.until > tx.now]


def _parcel(tx: Transaction, delivery: Delivery, receiver: _Receiver, owner: str) -> Parcel:
    [row] = tx.rows(sql.GET_MESSAGE, {"tenant": delivery.tenant, "id": delivery.message_id})
    return Parcel(delivery, to_message(row), receiver.secrets, owner, delivery.next_at)


def conclude(
    tx: Transaction, parcel: Parcel, attempt: Attempt, verdict: Verdict, disable_seconds: float
) -> Endpoint | None:
    """Note the try, what becomes of the delivery, and what that says of its endpoint."""
    delivery = parcel.delivery
    outcome = {
        **_lease(parcel),
        "state": verdict.state.value,
        "next_at": tx.now + verdict.retry_seconds,
        "ended_at": None if verdict.state is DeliveryState.PENDING else tx.now,
        "status": attempt.status,
        "error": attempt.error,
    }
    if not tx.count(sql.CONCLUDE, outcome):
        return None
    tx.count(sql.ADD_ATTEMPT, {"tenant": delivery.tenant, "id": delivery.id, **attempt_values(attempt)})
    if delivery.endpoint_id is None:
        return None
    values: dict[str, object] = {"tenant": delivery.tenant, "id": delivery.endpoint_id, "now": tx.now}
    if verdict.state is DeliveryState.DELIVERED:
        tx.count(sql.WORKS, values)
        return None
    tx.count(sql.FAILS, values)
    row = tx.one(sql.GET_ENDPOINT, values)
    endpoint = to_endpoint(row) if row else None
    if endpoint is None or endpoint.failing_since is None:
        return None
    failing_seconds = tx.now - endpoint.failing_since
    if not verdict.gone and failing_seconds < disable_seconds:
        return None
    values["reason"] = GONE if verdict.gone else FAILING.format(failing_seconds)
    row = tx.one(sql.DISABLE_ENDPOINT, values)
    if row is None:
        return None
    disabled = to_endpoint(row)
    note_endpoint(tx, disabled, KEEPER, "webhook.disabled")
    return disabled


def note_endpoint(tx: Transaction, endpoint: Endpoint, actor: str, action: str) -> None:
    """A line of the audit log; of the URL only what holds no secret."""
    detail = {"origin": origin(endpoint.url), "events": endpoint.events, "reason": endpoint.reason}
    note(tx, endpoint.tenant, actor, action, endpoint.id, detail)


def release(tx: Transaction, parcels: Sequence[Parcel]) -> None:
    """Those that are still held are due again."""
    for parcel in parcels:
        tx.count(sql.RELEASE_DELIVERY, {**_lease(parcel), "now": tx.now})
    tx.news.add(NEWS)


def _lease(parcel: Parcel) -> dict[str, object]:
    held = parcel.delivery
    lease = {"owner": parcel.owner, "lease_until": parcel.lease_until}
    return {"tenant": held.tenant, "id": held.id, **lease}


def redeliver(
    tx: Transaction, tenant: str, delivery_id: str, idempotency: IdempotencyKey | None = None
) -> Delivery | None:
    """Due now, from whatever state; one that is being sent stays as it is."""
    values = {"tenant": tenant, "id": delivery_id, "now": tx.now}
    if answered(tx, tenant, idempotency) is not None:
        row = tx.one(sql.GET_DELIVERY, values)
        return to_delivery(row) if row else None
    remember(tx, tenant, idempotency, delivery_id)
    tx.news.add(NEWS)
    for statement in (sql.REDELIVER, sql.HASTEN, sql.GET_DELIVERY):
        if row := tx.one(statement, values):
            return to_delivery(row)
    return None


def redeliver_since(
    tx: Transaction,
    values: Mapping[str, object],
    so_far: Resent,
    limit: int,
    idempotency: IdempotencyKey | None,
) -> Resent:
    """The next of an endpoint's ended deliveries."""
    tenant = str(values["tenant"])
    if not so_far.after and (count := answered(tx, tenant, idempotency)) is not None:
        return Resent(int(count), done=True)
    found = [row[0] for row in tx.rows(sql.ENDED_SINCE, {**values, "after": so_far.after, "limit": limit})]
    for each in found:
        redeliver(tx, tenant, each)
    sent = Resent(so_far.count + len(found), found[-1] if found else so_far.after, len(found) < limit)
    if sent.done:
        remember(tx, tenant, idempotency, str(sent.count))
    return sent


def forget(tx: Transaction, older_than_seconds: float, limit: int) -> int:
    """Old deliveries, their tries, and messages that have none left."""
    old = tx.rows(sql.OLD_DELIVERIES, {"horizon": tx.now - older_than_seconds, "limit": limit})
    for tenant, delivery_id, message_id in old:
        tx.count(sql.FORGET_ATTEMPTS, {"tenant": tenant, "id": delivery_id})
        tx.count(sql.FORGET_DELIVERY, {"tenant": tenant, "id": delivery_id})
        tx.count(sql.FORGET_MESSAGE, {"tenant": tenant, "id": message_id})
    return len(old)
