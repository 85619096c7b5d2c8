"""What the server tells of webhooks, as frozen dataclasses; times in UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pixelflow.client.reading import known


@dataclass(frozen=True, slots=True)
class Webhook:
    """A registered receiver; ``secret`` only where it was just made, ``reason`` why it is disabled."""

    id: str
    url: str = ""
    events: Sequence[str] = ()
    description: str | None = None
    status: str = "enabled"
    reason: str | None = None
    failing_since: datetime | None = None
    created_at: datetime | None = None
    secret: str | None = field(default=None, repr=False)
    former_secret_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """What signs for jobs' own URLs; until ``former_secret_until`` the one before does so as well."""

    secret: str = field(default="", repr=False)
    former_secret_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class WebhookTry:
    """One try; signatures and secrets are left out of its headers."""

    number: int
    at: datetime | None = None
    seconds: float = 0.0
    response_status: int | None = None
    error: str | None = None
    request_headers: Mapping[str, str] = field(default_factory=dict)
    response_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One message's way to one receiver; ``tries`` and ``payload`` where a single one was asked for."""

    id: str
    message_id: str = ""
    type: str = ""
    endpoint: str | None = None
    job_id: str | None = None
    url: str = ""
    status: str = "pending"
    attempts: int = 0
    next_attempt_at: datetime | None = None
    created_at: datetime | None = None
    ended_at: datetime | None = None
    response_status: int | None = None
    error: str | None = None
    tries: tuple[WebhookTry, ...] = ()
    payload: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "WebhookDelivery":
        """From the API's JSON."""
        tries = tuple(known(WebhookTry, each) for each in document.get("tries", ()))
        return known(cls, {**document, "tries": tries})
