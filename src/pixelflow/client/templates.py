"""Templates: named, versioned pipelines, in both clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pixelflow.client.exchange import Call, Endpoint
from pixelflow.client.methods import AsyncNoun, Noun, awaited, awaited_pages, blocking, blocking_pages
from pixelflow.client.models import Pipeline
from pixelflow.client.pages import Pages
from pixelflow.client.reading import known


@dataclass(frozen=True, slots=True)
class Template:
    """One version, and what the template's names mean; ``id`` is such as ``thumb@3``."""

    id: str
    name: str = ""
    version: int = 0
    current_version: int = 0
    newest_version: int = 0
    aliases: Mapping[str, int] = field(default_factory=dict)
    built_in: bool = False
    pipeline: Pipeline = ()
    description: str | None = None
    created_at: datetime | None = None
    keep: Mapping[str, float | None] | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Template":
        """From the API's JSON."""
        return known(cls, document)


@dataclass(frozen=True, slots=True)
class StepDifference:
    """One step that differs; ``change`` is added, removed or changed, ``fields`` hold ``from`` and ``to``."""

    id: str
    change: str = ""
    step: Mapping[str, Any] | None = None
    fields: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class TemplateDifference:
    """What lies between two versions; ``lines`` say it for people."""

    name: str = ""
    from_version: int = 0
    to_version: int = 0
    same: bool = False
    moved: bool = False
    steps: Sequence[StepDifference] = ()
    lines: Sequence[str] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "TemplateDifference":
        """From the API's JSON."""
        return known(
            cls, {**document, "steps": tuple(known(StepDifference, each) for each in document["steps"])}
        )


def _add(
    server: Endpoint,
    name: str,
    pipeline: Pipeline,
    *,
    description: str | None = None,
    keep: Mapping[str, float] | None = None,
) -> Call[Template]:
    """Make the next version; the newest one's pipeline again answers that version. ``keep`` in seconds is
    that of its jobs. Raises ApiError."""
    document = {"name": name, "pipeline": pipeline, "description": description, "keep": keep}
    response = yield from server.ask("POST", "/v1/templates", document=document, key=uuid4().hex)
    return Template.read(response.json())


def _get(server: Endpoint, reference: str) -> Call[Template]:
    """One version; raises ApiError 404 when there is none."""
    return Template.read((yield from server.ask("GET", _path(reference))).json())


def _list(server: Endpoint) -> Pages[Template]:
    """All templates by name, of each what the bare name means, fetched page by page."""
    return Pages(server, "/v1/templates", Template.read)


def _versions(server: Endpoint, name: str) -> Pages[Template]:
    """All versions of one, newest first, fetched page by page."""
    return Pages(server, _path(name, "/versions"), Template.read)


def _diff(
    server: Endpoint, name: str, old: int | str | None = None, new: int | str | None = None
) -> Call[TemplateDifference]:
    """Between two versions, by default from the current to the newest; raises ApiError 404."""
    params = {end: str(value) for end, value in (("from", old), ("to", new)) if value is not None}
    response = yield from server.ask("GET", _path(name, "/diff"), params=params)
    return TemplateDifference.read(response.json())


def _promote(server: Endpoint, name: str, version: int | str, *, alias: str | None = None) -> Call[Template]:
    """Let the bare name, or an alias, mean a version; raises ApiError 404 when there is none."""
    return (yield from _move(server, name, "promote", {"version": version, "alias": alias}))


def _rollback(server: Endpoint, name: str, *, alias: str | None = None) -> Call[Template]:
    """Let it mean what it did before; raises ApiError 409 where there is nothing before."""
    # The key keeps it from going back twice because an answer was lost.
    return (yield from _move(server, name, "rollback", {"alias": alias}, uuid4().hex))


def _delete(server: Endpoint, reference: str) -> Call[None]:
    """Delete a template, a version or an alias; raises ApiError 409 for a version that a name means."""
    yield from server.ask("DELETE", _path(reference), again={404}.__contains__)


def _move(
    server: Endpoint, name: str, verb: str, document: Mapping[str, Any], key: str | None = None
) -> Call[Template]:
    sent = {name: value for name, value in document.items() if value is not None}
    response = yield from server.ask("POST", _path(name, f"/{verb}"), document=sent, key=key)
    return Template.read(response.json())


def _path(reference: str, rest: str = "") -> str:
    return f"/v1/templates/{quote(reference, safe='@')}{rest}"


class Templates(Noun):
    """``client.templates``; a reference is ``thumb``, ``thumb@3``, ``thumb@canary`` or ``thumb@latest``."""

    add = blocking(_add)
    get = blocking(_get)
    list = blocking_pages(_list)
    versions = blocking_pages(_versions)
    diff = blocking(_diff)
    promote = blocking(_promote)
    rollback = blocking(_rollback)
    delete = blocking(_delete)


class AsyncTemplates(AsyncNoun):
    """``client.templates``; a reference is ``thumb``, ``thumb@3``, ``thumb@canary`` or ``thumb@latest``."""

    add = awaited(_add)
    get = awaited(_get)
    list = awaited_pages(_list)
    versions = awaited_pages(_versions)
    diff = awaited(_diff)
    promote = awaited(_promote)
    rollback = awaited(_rollback)
    delete = awaited(_delete)
