"""Endpoints and deliveries in the store's SQLite file."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from pixelflow.adapters.store import webhook_deliveries as deliveries
from pixelflow.adapters.store import webhook_statements as sql
from pixelflow.adapters.store.audit import note
from pixelflow.adapters.store.cursors import foreign
from pixelflow.adapters.store.database import Database
from pixelflow.adapters.store.idempotency import answered, remember
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.adapters.store.webhook_deliveries import note_endpoint
from pixelflow.adapters.store.webhook_messages import NEWS, deliver
from pixelflow.adapters.store.webhook_rows import (
    events_text,
    message_values,
    secrets_text,
    to_attempt,
    to_delivery,
    to_endpoint,
    to_message,
)
from pixelflow.domain.audit import KEEPER
from pixelflow.domain.errors import StateConflict
from pixelflow.domain.signature import new_secret
from pixelflow.domain.webhook import (
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    Message,
    Parcel,
    Secret,
    Verdict,
)
from pixelflow.ports.store import IdempotencyKey, Page
from pixelflow.ports.webhooks import Backlog, Claimed, DeliveryFilter, Lane, Resent

MAX_SECRETS = 3
LAST_ID = "dlv_g"
"""Above every delivery's id."""


@dataclass(frozen=True, slots=True)
class SqliteWebhooks:
    """A WebhookStore; each method is one transaction or one read of ``database``."""

    database: Database

    async def add(
        self,
        endpoint: Endpoint,
        most: int,
        idempotency: IdempotencyKey | None = None,
        actor: str = KEEPER,
    ) -> Endpoint:
        return await self.database.write(lambda tx: _add(tx, endpoint, most, idempotency, actor))

    async def endpoint(self, tenant: str, endpoint_id: str) -> Endpoint | None:
        row = self.database.one(sql.GET_ENDPOINT, {"tenant": tenant, "id": endpoint_id})
        return to_endpoint(row) if row else None

    async def endpoints(self, tenant: str) -> Sequence[Endpoint]:
        return [to_endpoint(row) for row in await self.database.rows(sql.ENDPOINTS, {"tenant": tenant})]

    async def change(self, endpoint: Endpoint, actor: str = KEEPER) -> Endpoint | None:
        values = {
            "tenant": endpoint.tenant,
            "id": endpoint.id,
            "url": endpoint.url,
            "events": events_text(endpoint.events),
            "description": endpoint.description,
        }
        return await self._changed(sql.CHANGE_ENDPOINT, values, actor, "webhook.changed")

    async def enable(self, tenant: str, endpoint_id: str, actor: str = KEEPER) -> Endpoint | None:
        values = {"tenant": tenant, "id": endpoint_id}
        return await self._changed(sql.ENABLE_ENDPOINT, values, actor, "webhook.enabled")

    async def remove(self, tenant: str, endpoint_id: str, actor: str = KEEPER) -> Endpoint | None:
        values = {"tenant": tenant, "id": endpoint_id}
        return await self._changed(sql.REMOVE_ENDPOINT, values, actor, "webhook.removed")

    async def rotate(
        self,
        tenant: str,
        endpoint_id: str,
        overlap_seconds: float,
        actor: str = KEEPER,
        idempotency: IdempotencyKey | None = None,
    ) -> Endpoint | None:
        def rotated(tx: Transaction) -> Endpoint | None:
            values = {"tenant": tenant, "id": endpoint_id}
            row = tx.one(sql.GET_ENDPOINT, values)
            if row is None:
                return None
            if answered(tx, tenant, idempotency) is not None:
                return to_endpoint(row)
            remember(tx, tenant, idempotency, endpoint_id)
            secrets = secrets_text(_renewed(tx, to_endpoint(row).secrets, overlap_seconds))
            values["secrets"] = secrets
            return _changed(tx, sql.KEEP_ENDPOINT_SECRETS, values, actor, "webhook.secret_rotated")

        return await self.database.write(rotated)

    async def secrets(self, tenant: str) -> Sequence[Secret]:
        return await self.database.write(lambda tx: deliveries.tenant_secrets(tx, tenant))

    async def rotate_secrets(
        self,
        tenant: str,
        overlap_seconds: float,
        actor: str = KEEPER,
        idempotency: IdempotencyKey | None = None,
    ) -> Sequence[Secret]:
        def rotated(tx: Transaction) -> Sequence[Secret]:
            if answered(tx, tenant, idempotency) is not None:
                return deliveries.tenant_secrets(tx, tenant)
            remember(tx, tenant, idempotency, tenant)
            secrets = _renewed(tx, deliveries.tenant_secrets(tx, tenant), overlap_seconds)
            tx.count(sql.KEEP_TENANT_SECRETS, {"tenant": tenant, "secrets": secrets_text(secrets)})
            note(tx, tenant, actor, "webhook.secret_rotated", tenant)
            return secrets

        return await self.database.write(rotated)

    async def post(
        self, message: Message, endpoint: Endpoint, idempotency: IdempotencyKey | None = None
    ) -> Delivery:
        def posted(tx: Transaction) -> Delivery:
            former = answered(tx, message.tenant, idempotency)
            if former and (row := tx.one(sql.GET_DELIVERY, {"tenant": message.tenant, "id": former})):
                return to_delivery(row)
            sent = replace(message, at=tx.now, sequence=tx.sequence)
            tx.count(sql.ADD_MESSAGE, message_values(sent))
            made = deliver(tx, sent, endpoint.id, endpoint.url)
            remember(tx, sent.tenant, idempotency, made)
            return to_delivery(tx.rows(sql.GET_DELIVERY, {"tenant": sent.tenant, "id": made})[0])

        return await self.database.write(posted)

    async def deliveries(
        self, tenant: str, where: DeliveryFilter, limit: int, cursor: str | None
    ) -> Page[Delivery]:
        values = {
            "tenant": tenant,
            "endpoint": where.endpoint_id,
            "job_id": where.job_id,
            "state": where.state.value if where.state else None,
            "before": _read_cursor(cursor) if cursor is not None else LAST_ID,
            "limit": limit + 1,
        }
        statement = sql.DELIVERIES
        if where.job_id is not None:
            statement = sql.DELIVERIES_OF_JOB
        elif where.endpoint_id is not None:
            statement = sql.DELIVERIES_OF_ENDPOINT
        elif where.state is not None:
            statement = sql.DELIVERIES_IN_STATE
        found = [to_delivery(row) for row in await self.database.rows(statement, values)]
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def delivery(
        self, tenant: str, delivery_id: str
    ) -> tuple[Delivery, Message, Sequence[Attempt]] | None:
        def read(connection: sqlite3.Connection) -> tuple[Delivery, Message, Sequence[Attempt]] | None:
            values = {"tenant": tenant, "id": delivery_id}
            row = connection.execute(sql.GET_DELIVERY, values).fetchone()
            if row is None:
                return None
            delivery = to_delivery(row)
            tries = connection.execute(sql.ATTEMPTS, values).fetchall()
            told = {"tenant": tenant, "id": delivery.message_id}
            message = connection.execute(sql.GET_MESSAGE, told).fetchone()
            if message is None:  # the job was deleted between the reads
                return None
            return delivery, to_message(message), [to_attempt(each) for each in tries]

        return await self.database.read(read)

    async def redeliver(
        self, tenant: str, delivery_id: str, idempotency: IdempotencyKey | None = None
    ) -> Delivery | None:
        return await self.database.write(
            lambda tx: deliveries.redeliver(tx, tenant, delivery_id, idempotency)
        )

    async def redeliver_since(
        self,
        tenant: str,
        endpoint_id: str,
        since: float,
        state: DeliveryState | None,
        so_far: Resent,
        limit: int,
        idempotency: IdempotencyKey | None = None,
    ) -> Resent:
        values = {
            "tenant": tenant,
            "endpoint": endpoint_id,
            "since": since,
            "state": state.value if state else None,
        }
        return await self.database.write(
            lambda tx: deliveries.redeliver_since(tx, values, so_far, limit, idempotency)
        )

    async def claim(
        self, owner: str, lease_seconds: float, limit: int, lane_limit: int, taken: Mapping[Lane, int]
    ) -> Claimed:
        return await self.database.write(
            lambda tx: deliveries.claim(tx, owner, lease_seconds, limit, lane_limit, taken),
            regret=lambda claimed: lambda tx: deliveries.release(tx, claimed.parcels),
        )

    async def conclude(
        self, parcel: Parcel, attempt: Attempt, verdict: Verdict, disable_seconds: float
    ) -> Endpoint | None:
        return await self.database.write(
            lambda tx: deliveries.conclude(tx, parcel, attempt, verdict, disable_seconds)
        )

    async def release(self, parcels: Sequence[Parcel]) -> None:
        await self.database.write(lambda tx: deliveries.release(tx, parcels))

    async def backlog(self) -> Backlog:
        [(pending, next_at)] = await self.database.rows(sql.PENDING, {})
        return Backlog(pending, max(0.0, self.database.clock() - next_at) if pending else 0.0)

    async def forget(self, older_than_seconds: float, limit: int) -> int:
        return await self.database.write(lambda tx: deliveries.forget(tx, older_than_seconds, limit))

    def on_due(self, ring: Callable[[], None]) -> None:
        self.database.writer.listeners.setdefault(NEWS, []).append(ring)

    async def _changed(
        self, statement: str, values: Mapping[str, object], actor: str, action: str
    ) -> Endpoint | None:
        return await self.database.write(lambda tx: _changed(tx, statement, values, actor, action))


def _changed(
    tx: Transaction, statement: str, values: Mapping[str, object], actor: str, action: str
) -> Endpoint | None:
    row = tx.one(statement, values)
    if row is None:
        return None
    endpoint = to_endpoint(row)
    note_endpoint(tx, endpoint, actor, action)
    return endpoint


def _add(
    tx: Transaction, endpoint: Endpoint, most: int, idempotency: IdempotencyKey | None, actor: str
) -> Endpoint:
    made = answered(tx, endpoint.tenant, idempotency)
    values: dict[str, object] = {"tenant": endpoint.tenant, "id": made}
    if made and (former := tx.one(sql.GET_ENDPOINT, values)):
        return to_endpoint(former)
    [(count,)] = tx.rows(sql.COUNT_ENDPOINTS, values)
    if count >= most:
        raise StateConflict(
            f"there are {count} endpoints, as many as WEBHOOK_ENDPOINTS allows; remove one",
            code="too_many_endpoints",
            limit=most,
            setting="WEBHOOK_ENDPOINTS",
        )
    values |= {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": events_text(endpoint.events),
        "secrets": secrets_text(endpoint.secrets),
        "description": endpoint.description,
        "now": tx.now,
    }
    [row] = tx.rows(sql.ADD_ENDPOINT, values)
    remember(tx, endpoint.tenant, idempotency, endpoint.id)
    note_endpoint(tx, endpoint, actor, "webhook.added")
    return to_endpoint(row)


def _renewed(tx: Transaction, secrets: Sequence[Secret], overlap_seconds: float) -> Sequence[Secret]:
    # A rotation that is sent twice must not end the secret that receivers have.
    former = [each for each in secrets[1:] if each.until and each.until > tx.now][: MAX_SECRETS - 2]
    return (Secret(new_secret()), replace(secrets[0], until=tx.now + overlap_seconds), *former)


def _read_cursor(cursor: str) -> str:
    prefix, _, number = cursor.partition("_")
    try:
        if prefix == "dlv":
            return f"dlv_{UUID(number)}"
    except ValueError:
        pass
    raise foreign(cursor)
