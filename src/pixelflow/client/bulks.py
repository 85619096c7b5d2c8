"""One thing done to many jobs, in both clients."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote
from uuid import uuid4

from pixelflow.client.exchange import Call, Endpoint, T
from pixelflow.client.reading import known

PAGE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Bulk:
    """An operation on the ``total`` jobs of a filter, of which it has gone through ``changed`` and
    ``skipped``; without an ``id`` it was only counted."""

    id: str | None = None
    action: str = ""
    status: str = ""
    filter: Mapping[str, Any] = field(default_factory=dict)
    total: int = 0
    changed: int = 0
    skipped: int = 0
    progress: int = 0
    created_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether every job was gone through."""
        return self.finished_at is not None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Bulk":
        """From the API's JSON."""
        moments = {
            name: datetime.fromisoformat(document[name]) if document.get(name) else None
            for name in ("created_at", "finished_at")
        }
        return known(cls, {**document, **moments})


def _order(server: Endpoint, action: str, where: Mapping[str, Any], *, dry_run: bool) -> Call[Bulk]:
    given = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in where.items()
        if value is not None
    }
    document = {"action": action, "filter": given, "dry_run": dry_run}
    response = yield from server.ask("POST", "/v1/jobs/bulk", document=document, key=uuid4().hex)
    return Bulk.read(response.json())


def _get(server: Endpoint, bulk_id: str) -> Call[Bulk]:
    return Bulk.read((yield from server.ask("GET", f"/v1/jobs/bulk/{quote(bulk_id, safe='')}")).json())


def _page(server: Endpoint, cursor: str | None) -> Call[tuple[list[Bulk], str | None]]:
    params = {"limit": PAGE_LIMIT, "cursor": cursor}
    sent = {name: value for name, value in params.items() if value is not None}
    page = (yield from server.ask("GET", "/v1/jobs/bulk", params=sent)).json()
    return [Bulk.read(each) for each in page["items"]], page.get("next_cursor")


class _Client(Protocol):
    @property
    def server(self) -> Endpoint: ...

    def run(self, call: Call[T]) -> T: ...


class _AsyncClient(Protocol):
    @property
    def server(self) -> Endpoint: ...

    async def run(self, call: Call[T]) -> T: ...


class Bulks:
    """``client.bulks``; ``action`` is cancel, retry or delete."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    def order(self, action: str, where: Mapping[str, Any], *, dry_run: bool = False) -> Bulk:
        """Do it to every job that the filter finds, or with ``dry_run`` only count them; raises ApiError.

        ``where`` has status, template, batch_id, created_after, created_before, metadata, as many as wanted.
        """
        return self._client.run(_order(self._client.server, action, where, dry_run=dry_run))

    def get(self, bulk_id: str) -> Bulk:
        """How far it is; raises ApiError 404 when there is none."""
        return self._client.run(_get(self._client.server, bulk_id))

    def list(self) -> Iterator[Bulk]:
        """All of them, newest first, fetched page by page."""
        cursor: str | None = None
        while True:
            page, cursor = self._client.run(_page(self._client.server, cursor))
            yield from page
            if cursor is None:
                return


class AsyncBulks:
    """``client.bulks``; ``action`` is cancel, retry or delete."""

    def __init__(self, client: _AsyncClient) -> None:
        self._client = client

    async def order(self, action: str, where: Mapping[str, Any], *, dry_run: bool = False) -> Bulk:
        """Do it to every job that the filter finds, or with ``dry_run`` only count them; raises ApiError.

        ``where`` has status, template, batch_id, created_after, created_before, metadata, as many as wanted.
        """
        return await self._client.run(_order(self._client.server, action, where, dry_run=dry_run))

    async def get(self, bulk_id: str) -> Bulk:
        """How far it is; raises ApiError 404 when there is none."""
        return await self._client.run(_get(self._client.server, bulk_id))

    async def list(self) -> AsyncIterator[Bulk]:
        """All of them, newest first, fetched page by page."""
        cursor: str | None = None
        while True:
            page, cursor = await self._client.run(_page(self._client.server, cursor))
            for bulk in page:
                yield bulk
            if cursor is None:
                return
