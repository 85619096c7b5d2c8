"""Webhooks: checking what came, and in both clients who is told and what was sent.

from pixelflow.client import webhooks

payload = webhooks.verify(body, headers, "whsec_…")
"""

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote
from uuid import uuid4

from pixelflow.client.errors import BadSignature
from pixelflow.client.exchange import Call, Endpoint, T
from pixelflow.client.webhook_models import Webhook, WebhookDelivery, WebhookSecret, read
from pixelflow.domain import signature

TOLERANCE_SECONDS = 300.0
PAGE_LIMIT = 200
HOOKS = "/v1/webhooks"


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> dict[str, Any]:
    """The payload of a webhook that was signed with the secret, or with one of several.

    Raises BadSignature for another signature, a missing header, or a time that is further away than
    ``tolerance_seconds`` (Standard Webhooks 1.0); ValueError for what is no secret. ``body`` must be the
    bytes as they came.
    """
    raw = body.encode() if isinstance(body, str) else body
    sent = {name.lower(): value for name, value in headers.items()}
    missing = [n for n in (signature.ID, signature.TIMESTAMP, signature.SIGNATURE) if not sent.get(n)]
    if missing:
        raise BadSignature(f"the header {missing[0]} is missing")
    secrets = [secret] if isinstance(secret, str) else list(secret)
    if not any(signature.signed(each, sent, raw) for each in secrets):
        raise BadSignature("no signature is of this secret")
    stamp = sent[signature.TIMESTAMP]
    if not stamp.isdecimal() or abs(time.time() - int(stamp)) > tolerance_seconds:
        raise BadSignature(f"it was signed more than {tolerance_seconds:g} s away from now")
    payload: dict[str, Any] = json.loads(raw)
    return payload


def _one(
    server: Endpoint, method: str, path: str, document: Mapping[str, Any] | None = None
) -> Call[Webhook]:
    return read(Webhook, (yield from server.ask(method, path, document=document, key=_key(method))).json())


def _all(server: Endpoint) -> Call[list[Webhook]]:
    return [read(Webhook, each) for each in (yield from server.ask("GET", HOOKS)).json()["items"]]


def _remove(server: Endpoint, webhook_id: str) -> Call[None]:
    yield from server.ask("DELETE", _path(webhook_id), again={404}.__contains__)


def _secret(server: Endpoint, method: str, path: str) -> Call[WebhookSecret]:
    return read(WebhookSecret, (yield from server.ask(method, path, key=_key(method))).json())


def _delivery(server: Endpoint, method: str, path: str) -> Call[WebhookDelivery]:
    return read(WebhookDelivery, (yield from server.ask(method, path, key=_key(method))).json())


def _page(
    server: Endpoint, where: Mapping[str, str | None], cursor: str | None
) -> Call[tuple[list[WebhookDelivery], str | None]]:
    asked = {**where, "limit": str(PAGE_LIMIT), "cursor": cursor}
    params = {name: value for name, value in asked.items() if value is not None}
    page = (yield from server.ask("GET", f"{HOOKS}/deliveries", params=params)).json()
    return [read(WebhookDelivery, each) for each in page["items"]], page.get("next_cursor")


def _redeliver_since(server: Endpoint, webhook_id: str, since: datetime, status: str | None) -> Call[int]:
    params = {"since": since.isoformat(), **({"status": status} if status else {})}
    path = _path(webhook_id, "/redeliver")
    answer = yield from server.ask("POST", path, params=params, key=_key("POST"))
    count: int = answer.json()["count"]
    return count


def _key(method: str) -> str | None:
    """So that what is sent again because an answer was lost is not done twice."""
    return uuid4().hex if method == "POST" else None


def _path(webhook_id: str, rest: str = "") -> str:
    return f"{HOOKS}/{quote(webhook_id, safe='')}{rest}"


def _delivery_path(delivery_id: str, rest: str = "") -> str:
    return f"{HOOKS}/deliveries/{quote(delivery_id, safe='')}{rest}"


def _given(url: str | None, events: Sequence[str] | None, description: str | None) -> dict[str, Any]:
    given = {"url": url, "events": None if events is None else list(events), "description": description}
    return {name: value for name, value in given.items() if value is not None}


class _Client(Protocol):
    @property
    def server(self) -> Endpoint: ...

    def run(self, call: Call[T]) -> T: ...


class _AsyncClient(Protocol):
    @property
    def server(self) -> Endpoint: ...

    async def run(self, call: Call[T]) -> T: ...


class Webhooks:
    """``client.webhooks``: who is told of what, and what was sent."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    def add(
        self, url: str, *, events: Sequence[str] | None = None, description: str | None = None
    ) -> Webhook:
        """Register a receiver, for all events if none is named; its ``secret`` is not shown again.

        Raises ApiError 422 for a URL that the server does not call.
        """
        document = _given(url, events, description)
        return self._client.run(_one(self._client.server, "POST", HOOKS, document))

    def list(self) -> list[Webhook]:
        """All of them, newest first."""
        return self._client.run(_all(self._client.server))

    def get(self, webhook_id: str) -> Webhook:
        """Raises ApiError 404 when there is none."""
        return self._client.run(_one(self._client.server, "GET", _path(webhook_id)))

    def change(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
    ) -> Webhook:
        """Another url, other events or another description; what is not given stays."""
        document = _given(url, events, description)
        return self._client.run(_one(self._client.server, "PATCH", _path(webhook_id), document))

    def remove(self, webhook_id: str) -> None:
        """Nothing more is sent to it."""
        self._client.run(_remove(self._client.server, webhook_id))

    def rotate(self, webhook_id: str) -> Webhook:
        """A new ``secret``; until ``former_secret_until`` the one before signs as well."""
        return self._client.run(_one(self._client.server, "POST", _path(webhook_id, "/rotate")))

    def enable(self, webhook_id: str) -> Webhook:
        """Send to it again after it was disabled."""
        return self._client.run(_one(self._client.server, "POST", _path(webhook_id, "/enable")))

    def test(self, webhook_id: str) -> WebhookDelivery:
        """Have an event ``webhook.test`` sent; raises ApiError 409 when it is disabled."""
        return self._client.run(_delivery(self._client.server, "POST", _path(webhook_id, "/test")))

    def secret(self) -> WebhookSecret:
        """What signs for the ``webhook_url`` of jobs."""
        return self._client.run(_secret(self._client.server, "GET", f"{HOOKS}/secret"))

    def rotate_secret(self) -> WebhookSecret:
        """A new one for the ``webhook_url`` of jobs, as ``rotate``."""
        return self._client.run(_secret(self._client.server, "POST", f"{HOOKS}/secret/rotate"))

    def deliveries(
        self, *, webhook_id: str | None = None, job_id: str | None = None, status: str | None = None
    ) -> Iterator[WebhookDelivery]:
        """What was sent, newest first, fetched page by page; ``status`` is pending, delivered or dead."""
        where = {"endpoint": webhook_id, "job_id": job_id, "status": status}
        cursor: str | None = None
        while True:
            page, cursor = self._client.run(_page(self._client.server, where, cursor))
            yield from page
            if cursor is None:
                return

    def delivery(self, delivery_id: str) -> WebhookDelivery:
        """One with its ``tries`` and its ``payload``; raises ApiError 404 when there is none."""
        return self._client.run(_delivery(self._client.server, "GET", _delivery_path(delivery_id)))

    def redeliver(self, delivery_id: str) -> WebhookDelivery:
        """Have it sent again now; raises ApiError 409 when its endpoint is disabled or removed."""
        path = _delivery_path(delivery_id, "/redeliver")
        return self._client.run(_delivery(self._client.server, "POST", path))

    def redeliver_since(self, webhook_id: str, since: datetime, *, status: str | None = None) -> int:
        """The same for all that ended and was created since then; answers how many."""
        return self._client.run(_redeliver_since(self._client.server, webhook_id, since, status))


class AsyncWebhooks:
    """``client.webhooks``: who is told of what, and what was sent."""

    def __init__(self, client: _AsyncClient) -> None:
        self._client = client

    async def add(
        self, url: str, *, events: Sequence[str] | None = None, description: str | None = None
    ) -> Webhook:
        """Register a receiver, for all events if none is named; its ``secret`` is not shown again.

        Raises ApiError 422 for a URL that the server does not call.
        """
        document = _given(url, events, description)
        return await self._client.run(_one(self._client.server, "POST", HOOKS, document))

    async def list(self) -> list[Webhook]:
        """All of them, newest first."""
        return await self._client.run(_all(self._client.server))

    async def get(self, webhook_id: str) -> Webhook:
        """Raises ApiError 404 when there is none."""
        return await self._client.run(_one(self._client.server, "GET", _path(webhook_id)))

    async def change(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
    ) -> Webhook:
        """Another url, other events or another description; what is not given stays."""
        document = _given(url, events, description)
        return await self._client.run(_one(self._client.server, "PATCH", _path(webhook_id), document))

    async def remove(self, webhook_id: str) -> None:
        """Nothing more is sent to it."""
        await self._client.run(_remove(self._client.server, webhook_id))

    async def rotate(self, webhook_id: str) -> Webhook:
        """A new ``secret``; until ``former_secret_until`` the one before signs as well."""
        return await self._client.run(_one(self._client.server, "POST", _path(webhook_id, "/rotate")))

    async def enable(self, webhook_id: str) -> Webhook:
        """Send to it again after it was disabled."""
        return await self._client.run(_one(self._client.server, "POST", _path(webhook_id, "/enable")))

    async def test(self, webhook_id: str) -> WebhookDelivery:
        """Have an event ``webhook.test`` sent; raises ApiError 409 when it is disabled."""
        return await self._client.run(_delivery(self._client.server, "POST", _path(webhook_id, "/test")))

    async def secret(self) -> WebhookSecret:
        """What signs for the ``webhook_url`` of jobs."""
        return await self._client.run(_secret(self._client.server, "GET", f"{HOOKS}/secret"))

    async def rotate_secret(self) -> WebhookSecret:
        """A new one for the ``webhook_url`` of jobs, as ``rotate``."""
        return await self._client.run(_secret(self._client.server, "POST", f"{HOOKS}/secret/rotate"))

    async def deliveries(
        self, *, webhook_id: str | None = None, job_id: str | None = None, status: str | None = None
    ) -> AsyncIterator[WebhookDelivery]:
        """What was sent, newest first, fetched page by page; ``status`` is pending, delivered or dead."""
        where = {"endpoint": webhook_id, "job_id": job_id, "status": status}
        cursor: str | None = None
        while True:
            page, cursor = await self._client.run(_page(self._client.server, where, cursor))
            for each in page:
                yield each
            if cursor is None:
                return

    async def delivery(self, delivery_id: str) -> WebhookDelivery:
        """One with its ``tries`` and its ``payload``; raises ApiError 404 when there is none."""
        return await self._client.run(_delivery(self._client.server, "GET", _delivery_path(delivery_id)))

    async def redeliver(self, delivery_id: str) -> WebhookDelivery:
        """Have it sent again now; raises ApiError 409 when its endpoint is disabled or removed."""
        path = _delivery_path(delivery_id, "/redeliver")
        return await self._client.run(_delivery(self._client.server, "POST", path))

    async def redeliver_since(self, webhook_id: str, since: datetime, *, status: str | None = None) -> int:
        """The same for all that ended and was created since then; answers how many."""
        return await self._client.run(_redeliver_since(self._client.server, webhook_id, since, status))
