"""One thing done to many jobs, in both clients."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pixelflow.client.exchange import Call, Endpoint
from pixelflow.client.methods import AsyncNoun, Noun, awaited, awaited_pages, blocking, blocking_pages
from pixelflow.client.pages import Pages
from pixelflow.client.reading import known


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
        return known(cls, document)


def _order(server: Endpoint, action: str, where: Mapping[str, Any], *, dry_run: bool = False) -> Call[Bulk]:
    """Do it to every job that the filter finds, or with ``dry_run`` only count them; raises ApiError.

    ``where`` has status, template, batch_id, created_after, created_before, metadata, as many as wanted.
    """
    given = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in where.items()
        if value is not None
    }
    document = {"action": action, "filter": given, "dry_run": dry_run}
    response = yield from server.ask("POST", "/v1/jobs/bulk", document=document, key=uuid4().hex)
    return Bulk.read(response.json())


def _get(server: Endpoint, bulk_id: str) -> Call[Bulk]:
    """How far it is; raises ApiError 404 when there is none."""
    return Bulk.read((yield from server.ask("GET", f"/v1/jobs/bulk/{quote(bulk_id, safe='')}")).json())


def _list(server: Endpoint) -> Pages[Bulk]:
    """All of them, newest first, fetched page by page."""
    return Pages(server, "/v1/jobs/bulk", Bulk.read)


class Bulks(Noun):
    """``client.bulks``; ``action`` is cancel, retry or delete."""

    order = blocking(_order)
    get = blocking(_get)
    list = blocking_pages(_list)


class AsyncBulks(AsyncNoun):
    """``client.bulks``; ``action`` is cancel, retry or delete."""

    order = awaited(_order)
    get = awaited(_get)
    list = awaited_pages(_list)
