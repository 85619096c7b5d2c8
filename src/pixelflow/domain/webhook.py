"""Webhooks by the Standard Webhooks specification: who is told, what, and how often it is tried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Job, new_id

BATCH_COMPLETED = "batch.completed"
TEST = "webhook.test"
"""Sent to one endpoint when its owner asks for it; no filter can name it."""
EVENTS = ("job.completed", "job.failed", "job.cancelled", "output.ready", BATCH_COMPLETED)
"""What an endpoint may ask for."""
TYPES: Mapping[EventKind, str] = {
    EventKind.COMPLETED: "job.completed",
    EventKind.FAILED: "job.failed",
    EventKind.QUARANTINED: "job.failed",
    EventKind.CANCELLED: "job.cancelled",
    EventKind.OUTPUT_READY: "output.ready",
}
"""A quarantined job has failed for whoever waits for it; its ``status`` tells the difference."""
SCHEDULE_SECONDS = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""The pauses before the second and every further try, as the specification recommends them."""
JITTER = 0.2
"""A pause is longer by up to this part of it, so that what failed together does not come back together."""
GONE = 410
BUSY = frozenset({429, 503})
"""Answers whose ``Retry-After`` is heeded."""
ENDPOINT = "ep_"
"""What the ids of endpoints begin with, and no origin."""


class EndpointState(StrEnum):
    """Whether an endpoint is sent to."""

    ENABLED = "enabled"
    """Ended by a 410, by failures only for a long time, or never."""
    DISABLED = "disabled"
    """What happens meanwhile is kept as dead deliveries; ended by its owner."""


class DeliveryState(StrEnum):
    """Where one message's way to one receiver is."""

    PENDING = "pending"
    """Not sent yet, or to be tried again."""
    DELIVERED = "delivered"
    """Answered with 2xx; ``redeliver`` sends it again."""
    DEAD = "dead"
    """Given up, and kept; ``redeliver`` sends it again."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A ``whsec_`` secret; a former one signs beside the newest ``until`` (Unix seconds)."""

    text: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A receiver that is registered for kinds of events; ``secrets`` newest first, times in Unix seconds.

    ``failing_since`` is the first failure after the last success, ``reason`` why it is disabled.
    """

    tenant: str
    id: str
    url: str
    events: Sequence[str]
    secrets: Sequence[Secret]
    description: str | None = None
    state: EndpointState = EndpointState.ENABLED
    reason: str | None = None
    failing_since: float | None = None
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Message:
    """What happened, as it is told to all: ``at`` in Unix seconds, ``sequence`` that of the job's event.

    ``job`` as it was then, with the step of ``output`` when that became ready; ``data`` where the message
    is about no job.
    """

    tenant: str
    id: str
    kind: str
    at: float
    sequence: int = 0
    job: Job | None = None
    output: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    batch_id: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message's way to one receiver; times in Unix seconds.

    ``attempts`` counts all tries, ``earlier`` of them before it was last redelivered; ``status`` and
    ``error`` are the last try's. ``lane`` is what the receiver's limit is shared by: the endpoint, or the
    origin of a job's own URL.
    """

    tenant: str
    id: str
    message_id: str
    kind: str
    endpoint_id: str | None
    job_id: str | None
    url: str
    lane: str
    state: DeliveryState
    attempts: int
    earlier: int
    next_at: float
    created_at: float
    ended_at: float | None = None
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: ``at`` in Unix seconds, how long it took, and what was said; an ``error`` where no answer
    came. No secret and no signature is in the headers."""

    number: int
    at: float
    seconds: float
    status: int | None = None
    error: str | None = None
    request: Mapping[str, str] = field(default_factory=dict)
    answer: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery that one dispatcher holds until ``lease_until``, with what it needs to send it."""

    delivery: Delivery
    message: Message
    secrets: Sequence[str]
    owner: str
    lease_until: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a delivery after a try: ``retry_seconds`` until the next; ``gone`` when the receiver
    wants no more at all."""

    state: DeliveryState
    retry_seconds: float = 0.0
    gone: bool = False


def judge(
    status: int | None,
    failures: int,
    schedule: Sequence[float],
    chance: float,
    asked_seconds: float | None = None,
) -> Verdict:
    """What follows from an answer, ``None`` for no answer, after so many failures before; ``chance`` in
    [0, 1) is the jitter's.

    A receiver that is busy puts the next try off by ``asked_seconds``, at most by the schedule's longest
    pause; it does not bring it forward.
    """
    if status is not None and 200 <= status < 300:
        return Verdict(DeliveryState.DELIVERED)
    if status == GONE:
        return Verdict(DeliveryState.DEAD, gone=True)
    pause = pause_seconds(failures + 1, schedule, chance)
    if pause is None:
        return Verdict(DeliveryState.DEAD)
    if status in BUSY and asked_seconds is not None:
        pause = max(pause, min(asked_seconds, max(schedule)))
    return Verdict(DeliveryState.PENDING, pause)


def pause_seconds(failures: int, schedule: Sequence[float], chance: float) -> float | None:
    """How long to wait after so many failures, ``None`` to give up."""
    return schedule[failures - 1] * (1 + JITTER * chance) if failures <= len(schedule) else None


def origin(url: str) -> str:
    """Scheme, host and port: who answers there is one receiver, whatever the path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def endpoint_id() -> str:
    """A new endpoint's."""
    return ENDPOINT + new_id()


def message_id() -> str:
    """A new message's, the same on every try and for every receiver."""
    return f"msg_{new_id()}"


def delivery_id() -> str:
    """A new delivery's; later ones are greater."""
    return f"dlv_{new_id()}"
