"""Who is told of what, and every try of telling them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pixelflow.domain.audit import KEEPER
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

Lane = tuple[str, str]
"""A tenant and the lane of its deliveries."""


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which of a tenant's deliveries."""

    endpoint_id: str | None = None
    job_id: str | None = None
    state: DeliveryState | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """Deliveries to send now; ``next_at`` (Unix seconds) when to claim again, ``None`` once there is news."""

    parcels: Sequence[Parcel]
    next_at: float | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries that are not done, and for how many seconds the oldest of them is due."""

    pending: int
    lag_seconds: float


@dataclass(frozen=True, slots=True)
class Resent:
    """How far it is with sending many again: ``count`` of them, ``after`` the id of the last."""

    count: int = 0
    after: str = ""
    done: bool = False


class WebhookStore(Protocol):
    """Endpoints and deliveries; every method is one atomic, durable transaction on the store's own clock.

    Messages and their deliveries are made in the transaction of the event that they tell of, and go with
    their job. What must match and does not changes nothing and answers ``None``. The audit log has a line for
    every change of an endpoint or a secret, with its ``actor``.
    """

    async def add(
        self,
        endpoint: Endpoint,
        most: int,
        idempotency: IdempotencyKey | None = None,
        actor: str = KEEPER,
    ) -> Endpoint:
        """Insert; raises StateConflict (code ``too_many_endpoints``) when the tenant has ``most``, and
        InvalidRequest (code ``idempotency_mismatch``)."""

    async def endpoint(self, tenant: str, endpoint_id: str) -> Endpoint | None: ...

    async def endpoints(self, tenant: str) -> Sequence[Endpoint]:
        """All of them, newest first."""

    async def change(self, endpoint: Endpoint, actor: str = KEEPER) -> Endpoint | None:
        """Take over its url, events and description."""

    async def enable(self, tenant: str, endpoint_id: str, actor: str = KEEPER) -> Endpoint | None:
        """disabled → enabled; answers it as it is then."""

    async def rotate(
        self,
        tenant: str,
        endpoint_id: str,
        overlap_seconds: float,
        actor: str = KEEPER,
        idempotency: IdempotencyKey | None = None,
    ) -> Endpoint | None:
        """A new secret; the one before signs too for ``overlap_seconds``, as does one before that whose time
        is not over. As all that takes a key, raises InvalidRequest (code ``idempotency_mismatch``)."""

    async def remove(self, tenant: str, endpoint_id: str, actor: str = KEEPER) -> Endpoint | None:
        """Delete it; what was still to be sent to it ends dead."""

    async def secrets(self, tenant: str) -> Sequence[Secret]:
        """Those that sign for the URLs of jobs, newest first; made when there is none."""

    async def rotate_secrets(
        self,
        tenant: str,
        overlap_seconds: float,
        actor: str = KEEPER,
        idempotency: IdempotencyKey | None = None,
    ) -> Sequence[Secret]:
        """As ``rotate``."""

    async def post(
        self, message: Message, endpoint: Endpoint, idempotency: IdempotencyKey | None = None
    ) -> Delivery:
        """A message to one endpoint, as a test."""

    async def deliveries(
        self, tenant: str, where: DeliveryFilter, limit: int, cursor: str | None
    ) -> Page[Delivery]:
        """Newest first; raises MalformedRequest for a cursor that is not ours."""

    async def delivery(
        self, tenant: str, delivery_id: str
    ) -> tuple[Delivery, Message, Sequence[Attempt]] | None: ...

    async def redeliver(
        self, tenant: str, delivery_id: str, idempotency: IdempotencyKey | None = None
    ) -> Delivery | None:
        """delivered or dead → pending, due now with the whole schedule before it; one that is pending is
        due now."""

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
        """The same for up to ``limit`` more of an endpoint's ended deliveries created at or after ``since``;
        the key is kept with the last of them."""

    async def claim(
        self, owner: str, lease_seconds: float, limit: int, lane_limit: int, taken: Mapping[Lane, int]
    ) -> Claimed:
        """Up to ``limit`` due deliveries, the longest due lane first, of none more than ``lane_limit`` less
        what is ``taken`` of it; due again when the lease is over. What is due to a disabled or deleted
        endpoint ends dead."""

    async def conclude(
        self, parcel: Parcel, attempt: Attempt, verdict: Verdict, disable_seconds: float
    ) -> Endpoint | None:
        """Note the try and what becomes of it, unless the lease was lost. The endpoint is disabled when it is
        gone, or has failed only for ``disable_seconds``: it is answered then."""

    async def release(self, parcels: Sequence[Parcel]) -> None:
        """Due again at once, as at a drain."""

    async def backlog(self) -> Backlog: ...

    async def forget(self, older_than_seconds: float, limit: int) -> int:
        """Drop ended deliveries that old, with their tries, and messages that have none left."""

    def on_due(self, ring: Callable[[], None]) -> None:
        """Have ``ring`` called in the event loop after a commit that made deliveries due."""
