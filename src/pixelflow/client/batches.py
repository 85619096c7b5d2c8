"""Batches: many pictures in one call, in both clients."""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pixelflow.client.errors import Timeout
from pixelflow.client.exchange import Call, Endpoint, Pause
from pixelflow.client.models import Plan
from pixelflow.client.reading import known
from pixelflow.client.templates import AsyncRunner, Pipeline, Runner

PAGE_LIMIT = 200
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
        moments = {
            name: datetime.fromisoformat(document[name]) if document.get(name) else None
            for name in ("created_at", "finished_at")
        }
        return known(cls, {**document, **moments})


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


OnProgress = Callable[[Batch], object]


def _make(server: Endpoint, given: Mapping[str, Any], key: str | None) -> Call[MadeBatch]:
    seconds = given.get("expires_in")
    if isinstance(seconds, timedelta):
        given = {**given, "expires_in": seconds.total_seconds()}
    document = {name: value for name, value in given.items() if value is not None}
    response = yield from server.ask("POST", "/v1/batches", document=document, key=key or uuid4().hex)
    return MadeBatch.read(response.json())


def _get(server: Endpoint, batch_id: str) -> Call[Batch]:
    return Batch.read((yield from server.ask("GET", _path(batch_id))).json())


def _page(
    server: Endpoint, path: str, cursor: str | None, status: str | None = None
) -> Call[tuple[list[Any], str | None]]:
    params = {"limit": PAGE_LIMIT, "cursor": cursor, "status": status}
    sent = {name: value for name, value in params.items() if value is not None}
    page = (yield from server.ask("GET", path, params=sent)).json()
    return page["items"], page.get("next_cursor")


def _do(server: Endpoint, batch_id: str, verb: str) -> Call[Batch]:
    # Sent again because an answer was lost, it may find that it was done before.
    key = uuid4().hex if verb == "retry" else None
    yield from server.ask("POST", _path(batch_id, f"/{verb}"), again={409}.__contains__, key=key)
    return (yield from _get(server, batch_id))


def _delete(server: Endpoint, batch_id: str) -> Call[None]:
    yield from server.ask("DELETE", _path(batch_id), again={404}.__contains__)


def _failures(server: Endpoint, batch_id: str) -> Call[str]:
    text: str = (yield from server.ask("GET", _path(batch_id, "/failures.csv"))).text
    return text


def _wait(
    server: Endpoint, batch_id: str, timeout_seconds: float | None, on_progress: OnProgress | None
) -> Call[Batch]:
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


def _path(batch_id: str, rest: str = "") -> str:
    return f"/v1/batches/{quote(batch_id, safe='')}{rest}"


class Batches:
    """``client.batches``."""

    def __init__(self, client: Runner) -> None:
        self._client = client

    def create(
        self,
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
    ) -> MadeBatch:
        """A job for each of up to 10,000 sources, or for all objects below a prefix; ``expires_in`` in
        seconds.

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
            "expires_in": expires_in,
            "webhook_url": webhook_url,
            "sample": sample,
            "dry_run": dry_run,
        }
        return self._client.run(_make(self._client.server, given, idempotency_key))

    def get(self, batch_id: str) -> Batch:
        """With counts and progress; raises ApiError 404."""
        return self._client.run(_get(self._client.server, batch_id))

    def list(self) -> Iterator[Batch]:
        """All batches, newest first, fetched page by page."""
        cursor: str | None = None
        while True:
            page, cursor = self._client.run(_page(self._client.server, "/v1/batches", cursor))
            for document in page:
                yield Batch.read(document)
            if cursor is None:
                return

    def lines(self, batch_id: str, *, status: str | None = None) -> Iterator[BatchLine]:
        """What became of each line, in their order, fetched page by page."""
        cursor: str | None = None
        while True:
            asked = _page(self._client.server, _path(batch_id, "/items"), cursor, status)
            page, cursor = self._client.run(asked)
            for document in page:
                yield known(BatchLine, document)
            if cursor is None:
                return

    def wait(
        self,
        batch_id: str,
        *,
        timeout_seconds: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Batch:
        """The batch once all its lines have ended, well or not; raises Timeout, which leaves it as it is."""
        waiting = _wait(self._client.server, batch_id, timeout_seconds, on_progress)
        return self._client.run(waiting)

    def pause(self, batch_id: str) -> Batch:
        """Make no further jobs; raises ApiError 409, as the following, where its state does not allow it."""
        return self._client.run(_do(self._client.server, batch_id, "pause"))

    def resume(self, batch_id: str) -> Batch:
        """Go on."""
        return self._client.run(_do(self._client.server, batch_id, "resume"))

    def cancel(self, batch_id: str) -> Batch:
        """Stop it with all its jobs."""
        return self._client.run(_do(self._client.server, batch_id, "cancel"))

    def retry(self, batch_id: str) -> Batch:
        """Run the lines again that failed or were cancelled."""
        return self._client.run(_do(self._client.server, batch_id, "retry"))

    def failures(self, batch_id: str) -> str:
        """The table of all lines that did not go well, as CSV."""
        return self._client.run(_failures(self._client.server, batch_id))

    def delete(self, batch_id: str) -> None:
        """Delete a batch that has ended; its jobs stay."""
        self._client.run(_delete(self._client.server, batch_id))


class AsyncBatches:
    """``client.batches``."""

    def __init__(self, client: AsyncRunner) -> None:
        self._client = client

    async def create(
        self,
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
    ) -> MadeBatch:
        """A job for each of up to 10,000 sources, or for all objects below a prefix; ``expires_in`` in
        seconds.

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
            "expires_in": expires_in,
            "webhook_url": webhook_url,
            "sample": sample,
            "dry_run": dry_run,
        }
        return await self._client.run(_make(self._client.server, given, idempotency_key))

    async def get(self, batch_id: str) -> Batch:
        """With counts and progress; raises ApiError 404."""
        return await self._client.run(_get(self._client.server, batch_id))

    async def list(self) -> AsyncIterator[Batch]:
        """All batches, newest first, fetched page by page."""
        cursor: str | None = None
        while True:
            page, cursor = await self._client.run(_page(self._client.server, "/v1/batches", cursor))
            for document in page:
                yield Batch.read(document)
            if cursor is None:
                return

    async def lines(self, batch_id: str, *, status: str | None = None) -> AsyncIterator[BatchLine]:
        """What became of each line, in their order, fetched page by page."""
        cursor: str | None = None
        while True:
            asked = _page(self._client.server, _path(batch_id, "/items"), cursor, status)
            page, cursor = await self._client.run(asked)
            for document in page:
                yield known(BatchLine, document)
            if cursor is None:
                return

    async def wait(
        self,
        batch_id: str,
        *,
        timeout_seconds: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Batch:
        """The batch once all its lines have ended, well or not; raises Timeout, which leaves it as it is."""
        waiting = _wait(self._client.server, batch_id, timeout_seconds, on_progress)
        return await self._client.run(waiting)

    async def pause(self, batch_id: str) -> Batch:
        """Make no further jobs; raises ApiError 409, as the following, where its state does not allow it."""
        return await self._client.run(_do(self._client.server, batch_id, "pause"))

    async def resume(self, batch_id: str) -> Batch:
        """Go on."""
        return await self._client.run(_do(self._client.server, batch_id, "resume"))

    async def cancel(self, batch_id: str) -> Batch:
        """Stop it with all its jobs."""
        return await self._client.run(_do(self._client.server, batch_id, "cancel"))

    async def retry(self, batch_id: str) -> Batch:
        """Run the lines again that failed or were cancelled."""
        return await self._client.run(_do(self._client.server, batch_id, "retry"))

    async def failures(self, batch_id: str) -> str:
        """The table of all lines that did not go well, as CSV."""
        return await self._client.run(_failures(self._client.server, batch_id))

    async def delete(self, batch_id: str) -> None:
        """Delete a batch that has ended; its jobs stay."""
        await self._client.run(_delete(self._client.server, batch_id))
