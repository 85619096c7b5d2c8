"""Batches: many pictures in one call, in both clients."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pixelflow.client.errors import Timeout
from pixelflow.client.exchange import Call, Endpoint, Pause
from pixelflow.client.methods import AsyncNoun, Noun, awaited, awaited_pages, blocking, blocking_pages
from pixelflow.client.models import Pipeline, Plan
from pixelflow.client.pages import Pages
from pixelflow.client.reading import known

LOOK_SECONDS = 0.5
"""How often a waiting client asks."""
Source = str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the server knew it when it answered; ``counts`` are lines by what became of them."""

    id: str
    status: str = ""
    template: str | None = None
    pipeline: Pipeline = ()
    total: int = 0
    accepted: int = 0
    refused: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    progress: int = 0
    max_in_flight: int = 0
    created_at: datetime | None = None
    finished_at: datetime | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Batch":
        """From the API's JSON."""
        return known(cls, document)


@dataclass(frozen=True, slots=True)
class BatchRefusal:
    """A line that was not taken, and why."""

    line: int
    field: str = ""
    value: Any = None
    allowed: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class BatchForecast:
    """What a batch will take if ``sample`` stands for every picture; ``size`` in bytes, ``seconds`` with all
    decoders at it, ``None`` is not known."""

    sample: Mapping[str, Any]
    each: Plan
    size: int | None = None
    cpu_seconds: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class MadeBatch:
    """What came of a request; ``next_after`` is where the next batch of a prefix begins."""

    id: str | None = None
    total: int = 0
    accepted: int = 0
    refused: int = 0
    refusals: Sequence[BatchRefusal] = ()
    next_after: str | None = None
    forecast: BatchForecast | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "MadeBatch":
        """From the API's JSON."""
        told = document.get("forecast")
        forecast = None
        if told:
            each = Plan.read(told["each"])
            forecast = known(BatchForecast, {**told, "size": told.get("bytes"), "each": each})
        refusals = tuple(known(BatchRefusal, each) for each in document.get("refusals") or ())
        return known(cls, {**document, "refusals": refusals, "forecast": forecast})


@dataclass(frozen=True, slots=True)
class BatchLine:
    """What became of one line; ``source`` without its query."""

    line: int
    source: str | None = None
    status: str = ""
    job_id: str | None = None
    code: str | None = None
    message: str | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "BatchLine":
        """From the API's JSON."""
        return known(cls, document)


OnProgress = Callable[[Batch], object]


def _create(
    server: Endpoint,
    sources: Sequence[Source] | None = None,
    *,
    template: str | None = None,
    pipeline: Pipeline | None = None,
    prefix: str | None = None,
    after: str | None = None,
    max_in_flight: int | None = None,
    all_or_nothing: bool = False,
    metadata: Mapping[str, Any] | None = None,
    priority: int | None = None,
    expires_in: float | timedelta | None = None,
    webhook_url: str | None = None,
    sample: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    idempotency_key: str | None = None,
) -> Call[MadeBatch]:
    """A job for each of up to 10,000 sources, or for all objects below a prefix; ``expires_in`` in seconds.

    A source is a URL, or a mapping with ``url``, ``job_id`` or ``asset_id``, ``metadata`` and more.
    ``dry_run`` makes nothing and tells what it would take. Raises ApiError 422 when no line is good.
    """
    given = {
        "sources": sources,
        "template": template,
        "pipeline": pipeline,
        "prefix": prefix,
        "after": after,
        "max_in_flight": max_in_flight,
        "all_or_nothing": all_or_nothing,
        "metadata": metadata,
        "priority": priority,
        "expires_in": expires_in.total_seconds() if isinstance(expires_in, timedelta) else expires_in,
        "webhook_url": webhook_url,
        "sample": sample,
        "dry_run": dry_run,
    }
    document = {name: value for name, value in given.items() if value is not None}
    key = idempotency_key or uuid4().hex
    response = yield from server.ask("POST", "/v1/batches", document=document, key=key)
    return MadeBatch.read(response.json())


def _get(server: Endpoint, batch_id: str) -> Call[Batch]:
    """With counts and progress; raises ApiError 404."""
    return Batch.read((yield from server.ask("GET", _path(batch_id))).json())


def _list(server: Endpoint) -> Pages[Batch]:
    """All batches, newest first, fetched page by page."""
    return Pages(server, "/v1/batches", Batch.read)


def _lines(server: Endpoint, batch_id: str, *, status: str | None = None) -> Pages[BatchLine]:
    """What became of each line, in their order, fetched page by page."""
    return Pages(server, _path(batch_id, "/items"), BatchLine.read, {"status": status})


def _wait(
    server: Endpoint,
    batch_id: str,
    *,
    timeout_seconds: float | None = None,
    on_progress: OnProgress | None = None,
) -> Call[Batch]:
    """The batch once all its lines have ended, well or not; raises Timeout, which leaves it as it is."""
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    while True:
        batch = yield from _get(server, batch_id)
        if on_progress:
            on_progress(batch)
        if batch.finished_at is not None:
            return batch
        if deadline is not None and time.monotonic() >= deadline:
            raise Timeout(batch_id, timeout_seconds or 0.0, batch.status, what="batch")
        yield Pause(LOOK_SECONDS)


def _pause(server: Endpoint, batch_id: str) -> Call[Batch]:
    """Make no further jobs; raises ApiError 409, as the following, where its state does not allow it."""
    return (yield from _do(server, batch_id, "pause"))


def _resume(server: Endpoint, batch_id: str) -> Call[Batch]:
    """Go on."""
    return (yield from _do(server, batch_id, "resume"))


def _cancel(server: Endpoint, batch_id: str) -> Call[Batch]:
    """Stop it with all its jobs."""
    return (yield from _do(server, batch_id, "cancel"))


def _retry(server: Endpoint, batch_id: str) -> Call[Batch]:
    """Run the lines again that failed or were cancelled."""
    return (yield from _do(server, batch_id, "retry", key=uuid4().hex))


def _do(server: Endpoint, batch_id: str, verb: str, *, key: str | None = None) -> Call[Batch]:
    # Sent again because an answer was lost, it may find that it was done before; a key makes that the answer.
    again = frozenset({409} if key is None else ())
    yield from server.ask("POST", _path(batch_id, f"/{verb}"), again=again.__contains__, key=key)
    return (yield from _get(server, batch_id))


def _failures(server: Endpoint, batch_id: str) -> Call[str]:
    """The table of all lines that did not go well, as CSV."""
    text: str = (yield from server.ask("GET", _path(batch_id, "/failures.csv"))).text
    return text


def _delete(server: Endpoint, batch_id: str) -> Call[None]:
    """Delete a batch that has ended; its jobs stay."""
    yield from server.ask("DELETE", _path(batch_id), again={404}.__contains__)


def _path(batch_id: str, rest: str = "") -> str:
    return f"/v1/batches/{quote(batch_id, safe='')}{rest}"


class Batches(Noun):
    """``client.batches``."""

    create = blocking(_create)
    get = blocking(_get)
    list = blocking_pages(_list)
    lines = blocking_pages(_lines)
    wait = blocking(_wait)
    pause = blocking(_pause)
    resume = blocking(_resume)
    cancel = blocking(_cancel)
    retry = blocking(_retry)
    failures = blocking(_failures)
    delete = blocking(_delete)


class AsyncBatches(AsyncNoun):
    """``client.batches``."""

    create = awaited(_create)
    get = awaited(_get)
    list = awaited_pages(_list)
    lines = awaited_pages(_lines)
    wait = awaited(_wait)
    pause = awaited(_pause)
    resume = awaited(_resume)
    cancel = awaited(_cancel)
    retry = awaited(_retry)
    failures = awaited(_failures)
    delete = awaited(_delete)
