"""Webhooks: checking what came, and in both clients who is told and what was sent.

from pixelflow.client import webhooks

payload = webhooks.verify(body, headers, "whsec_…")
"""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pixelflow.client.errors import BadSignature
from pixelflow.client.exchange import Call, Endpoint
from pixelflow.client.methods import AsyncNoun, Noun, awaited, awaited_pages, blocking, blocking_pages
from pixelflow.client.pages import Pages
from pixelflow.client.reading import known
from pixelflow.client.webhook_models import Webhook, WebhookDelivery, WebhookSecret
from pixelflow.domain import signature

TOLERANCE_SECONDS = 300.0
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


def _add(
    server: Endpoint, url: str, *, events: Sequence[str] | None = None, description: str | None = None
) -> Call[Webhook]:
    """Register a receiver, for all events if none is named; its ``secret`` is not shown again.

    Raises ApiError 422 for a URL that the server does not call.
    """
    return (yield from _one(server, "POST", HOOKS, _given(url, events, description)))


def _list(server: Endpoint) -> Call[list[Webhook]]:
    """All of them, newest first."""
    return [known(Webhook, each) for each in (yield from server.ask("GET", HOOKS)).json()["items"]]


def _get(server: Endpoint, webhook_id: str) -> Call[Webhook]:
    """Raises ApiError 404 when there is none."""
    return (yield from _one(server, "GET", _path(webhook_id)))


def _change(
    server: Endpoint,
    webhook_id: str,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
) -> Call[Webhook]:
    """Another url, other events or another description; what is not given stays."""
    return (yield from _one(server, "PATCH", _path(webhook_id), _given(url, events, description)))


def _remove(server: Endpoint, webhook_id: str) -> Call[None]:
    """Nothing more is sent to it."""
    yield from server.ask("DELETE", _path(webhook_id), again={404}.__contains__)


def _rotate(server: Endpoint, webhook_id: str) -> Call[Webhook]:
    """A new ``secret``; until ``former_secret_until`` the one before signs as well."""
    return (yield from _one(server, "POST", _path(webhook_id, "/rotate")))


def _enable(server: Endpoint, webhook_id: str) -> Call[Webhook]:
    """Send to it again after it was disabled."""
    return (yield from _one(server, "POST", _path(webhook_id, "/enable")))


def _test(server: Endpoint, webhook_id: str) -> Call[WebhookDelivery]:
    """Have an event ``webhook.test`` sent; raises ApiError 409 when it is disabled."""
    return WebhookDelivery.read((yield from _ask(server, "POST", _path(webhook_id, "/test"))))


def _secret(server: Endpoint) -> Call[WebhookSecret]:
    """What signs for the ``webhook_url`` of jobs."""
    return known(WebhookSecret, (yield from _ask(server, "GET", f"{HOOKS}/secret")))


def _rotate_secret(server: Endpoint) -> Call[WebhookSecret]:
    """A new one for the ``webhook_url`` of jobs, as ``rotate``."""
    return known(WebhookSecret, (yield from _ask(server, "POST", f"{HOOKS}/secret/rotate")))


def _deliveries(
    server: Endpoint,
    *,
    webhook_id: str | None = None,
    job_id: str | None = None,
    status: str | None = None,
) -> Pages[WebhookDelivery]:
    """What was sent, newest first, fetched page by page; ``status`` is pending, delivered or dead."""
    where = {"endpoint": webhook_id, "job_id": job_id, "status": status}
    return Pages(server, f"{HOOKS}/deliveries", WebhookDelivery.read, where)


def _delivery(server: Endpoint, delivery_id: str) -> Call[WebhookDelivery]:
    """One with its ``tries`` and its ``payload``; raises ApiError 404 when there is none."""
    return WebhookDelivery.read((yield from _ask(server, "GET", _delivery_path(delivery_id))))


def _redeliver(server: Endpoint, delivery_id: str) -> Call[WebhookDelivery]:
    """Have it sent again now; raises ApiError 409 when its endpoint is disabled or removed."""
    return WebhookDelivery.read((yield from _ask(server, "POST", _delivery_path(delivery_id, "/redeliver"))))


def _redeliver_since(
    server: Endpoint, webhook_id: str, since: datetime, *, status: str | None = None
) -> Call[int]:
    """The same for all that ended and was created since then; answers how many."""
    params = {"since": since.isoformat(), **({"status": status} if status else {})}
    count: int = (yield from _ask(server, "POST", _path(webhook_id, "/redeliver"), params=params))["count"]
    return count


def _one(
    server: Endpoint, method: str, path: str, document: Mapping[str, Any] | None = None
) -> Call[Webhook]:
    return known(Webhook, (yield from _ask(server, method, path, document=document)))


def _ask(
    server: Endpoint,
    method: str,
    path: str,
    *,
    document: Mapping[str, Any] | None = None,
    params: Mapping[str, str] | None = None,
) -> Call[dict[str, Any]]:
    # With a key, what is sent again because an answer was lost is not done twice.
    key = uuid4().hex if method == "POST" else None
    response = yield from server.ask(method, path, document=document, params=params, key=key)
    found: dict[str, Any] = response.json()
    return found


def _path(webhook_id: str, rest: str = "") -> str:
    return f"{HOOKS}/{quote(webhook_id, safe='')}{rest}"


def _delivery_path(delivery_id: str, rest: str = "") -> str:
    return f"{HOOKS}/deliveries/{quote(delivery_id, safe='')}{rest}"


def _given(url: str | None, events: Sequence[str] | None, description: str | None) -> dict[str, Any]:
    given = {"url": url, "events": None if events is None else list(events), "description": description}
    return {name: value for name, value in given.items() if value is not None}


class Webhooks(Noun):
    """``client.webhooks``: who is told of what, and what was sent."""

    add = blocking(_add)
    list = blocking(_list)
    get = blocking(_get)
    change = blocking(_change)
    remove = blocking(_remove)
    rotate = blocking(_rotate)
    enable = blocking(_enable)
    test = blocking(_test)
    secret = blocking(_secret)
    rotate_secret = blocking(_rotate_secret)
    deliveries = blocking_pages(_deliveries)
    delivery = blocking(_delivery)
    redeliver = blocking(_redeliver)
    redeliver_since = blocking(_redeliver_since)


class AsyncWebhooks(AsyncNoun):
    """``client.webhooks``: who is told of what, and what was sent."""

    add = awaited(_add)
    list = awaited(_list)
    get = awaited(_get)
    change = awaited(_change)
    remove = awaited(_remove)
    rotate = awaited(_rotate)
    enable = awaited(_enable)
    test = awaited(_test)
    secret = awaited(_secret)
    rotate_secret = awaited(_rotate_secret)
    deliveries = awaited_pages(_deliveries)
    delivery = awaited(_delivery)
    redeliver = awaited(_redeliver)
    redeliver_since = awaited(_redeliver_since)
