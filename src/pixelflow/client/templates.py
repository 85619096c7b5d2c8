"""Templates: named, versioned pipelines, in both clients."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote
from uuid import uuid4

from pixelflow.client.exchange import Call, Endpoint, T
from pixelflow.client.reading import known

PAGE_LIMIT = 200
Pipeline = Sequence[Mapping[str, Any]]


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
        at = document.get("created_at")
        return known(cls, {**document, "created_at": datetime.fromisoformat(at) if at else None})


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
    description: str | None,
    keep: Mapping[str, float] | None,
) -> Call[Template]:
    document = {"name": name, "pipeline": pipeline, "description": description, "keep": keep}
    response = yield from server.ask("POST", "/v1/templates", document=document, key=uuid4().hex)
    return Template.read(response.json())


def _get(server: Endpoint, reference: str) -> Call[Template]:
    return Template.read((yield from server.ask("GET", _path(reference))).json())


def _page(server: Endpoint, path: str, cursor: str | None) -> Call[tuple[list[Template], str | None]]:
    params: dict[str, Any] = {"limit": PAGE_LIMIT, **({"cursor": cursor} if cursor else {})}
    page = (yield from server.ask("GET", path, params=params)).json()
    return [Template.read(item) for item in page["items"]], page.get("next_cursor")


def _diff(
    server: Endpoint, name: str, old: int | str | None, new: int | str | None
) -> Call[TemplateDifference]:
    params = {end: str(value) for end, value in (("from", old), ("to", new)) if value is not None}
    response = yield from server.ask("GET", _path(name, "/diff"), params=params)
    return TemplateDifference.read(response.json())


def _move(
    server: Endpoint, name: str, verb: str, document: Mapping[str, Any], key: str | None = None
) -> Call[Template]:
    sent = {name: value for name, value in document.items() if value is not None}
    response = yield from server.ask("POST", _path(name, f"/{verb}"), document=sent, key=key)
    return Template.read(response.json())


def _rollback(server: Endpoint, name: str, alias: str | None) -> Call[Template]:
    # The key keeps it from going back twice because an answer was lost.
    return (yield from _move(server, name, "rollback", {"alias": alias}, uuid4().hex))


def _delete(server: Endpoint, reference: str) -> Call[None]:
    yield from server.ask("DELETE", _path(reference), again={404}.__contains__)


def _path(reference: str, rest: str = "") -> str:
    return f"/v1/templates/{quote(reference, safe='@')}{rest}"


class Runner(Protocol):
    """A client that drives calls."""

    @property
    def server(self) -> Endpoint: ...

    def run(self, call: Call[T]) -> T: ...


class AsyncRunner(Protocol):
    """The same for asyncio."""

    @property
    def server(self) -> Endpoint: ...

    async def run(self, call: Call[T]) -> T: ...


class Templates:
    """``client.templates``; a reference is ``thumb``, ``thumb@3``, ``thumb@canary`` or ``thumb@latest``."""

    def __init__(self, client: Runner) -> None:
        self._client = client

    def add(
        self,
        name: str,
        pipeline: Pipeline,
        *,
        description: str | None = None,
        keep: Mapping[str, float] | None = None,
    ) -> Template:
        """Make the next version; the newest one's pipeline again answers that version. ``keep`` in seconds is
        that of its jobs. Raises ApiError."""
        return self._client.run(_add(self._client.server, name, pipeline, description, keep))

    def get(self, reference: str) -> Template:
        """One version; raises ApiError 404 when there is none."""
        return self._client.run(_get(self._client.server, reference))

    def list(self) -> Iterator[Template]:
        """All templates by name, of each what the bare name means, fetched page by page."""
        yield from self._pages("/v1/templates")

    def versions(self, name: str) -> Iterator[Template]:
        """All versions of one, newest first, fetched page by page."""
        yield from self._pages(_path(name, "/versions"))

    def diff(
        self, name: str, old: int | str | None = None, new: int | str | None = None
    ) -> TemplateDifference:
        """Between two versions, by default from the current to the newest; raises ApiError 404."""
        return self._client.run(_diff(self._client.server, name, old, new))

    def promote(self, name: str, version: int | str, *, alias: str | None = None) -> Template:
        """Let the bare name, or an alias, mean a version; raises ApiError 404 when there is none."""
        return self._client.run(
            _move(self._client.server, name, "promote", {"version": version, "alias": alias})
        )

    def rollback(self, name: str, *, alias: str | None = None) -> Template:
        """Let it mean what it did before; raises ApiError 409 where there is nothing before."""
        return self._client.run(_rollback(self._client.server, name, alias))

    def delete(self, reference: str) -> None:
        """Delete a template, a version or an alias; raises ApiError 409 for a version that a name means."""
        self._client.run(_delete(self._client.server, reference))

    def _pages(self, path: str) -> Iterator[Template]:
        cursor: str | None = None
        while True:
            page, cursor = self._client.run(_page(self._client.server, path, cursor))
            yield from page
            if cursor is None:
                return


class AsyncTemplates:
    """``client.templates``; a reference is ``thumb``, ``thumb@3``, ``thumb@canary`` or ``thumb@latest``."""

    def __init__(self, client: AsyncRunner) -> None:
        self._client = client

    async def add(
        self,
        name: str,
        pipeline: Pipeline,
        *,
        description: str | None = None,
        keep: Mapping[str, float] | None = None,
    ) -> Template:
        """Make the next version; the newest one's pipeline again answers that version. ``keep`` in seconds is
        that of its jobs. Raises ApiError."""
        return await self._client.run(_add(self._client.server, name, pipeline, description, keep))

    async def get(self, reference: str) -> Template:
        """One version; raises ApiError 404 when there is none."""
        return await self._client.run(_get(self._client.server, reference))

    async def list(self) -> AsyncIterator[Template]:
        """All templates by name, of each what the bare name means, fetched page by page."""
        async for template in self._pages("/v1/templates"):
            yield template

    async def versions(self, name: str) -> AsyncIterator[Template]:
        """All versions of one, newest first, fetched page by page."""
        async for template in self._pages(_path(name, "/versions")):
            yield template

    async def diff(
        self, name: str, old: int | str | None = None, new: int | str | None = None
    ) -> TemplateDifference:
        """Between two versions, by default from the current to the newest; raises ApiError 404."""
        return await self._client.run(_diff(self._client.server, name, old, new))

    async def promote(self, name: str, version: int | str, *, alias: str | None = None) -> Template:
        """Let the bare name, or an alias, mean a version; raises ApiError 404 when there is none."""
        return await self._client.run(
            _move(self._client.server, name, "promote", {"version": version, "alias": alias})
        )

    async def rollback(self, name: str, *, alias: str | None = None) -> Template:
        """Let it mean what it did before; raises ApiError 409 where there is nothing before."""
        return await self._client.run(_rollback(self._client.server, name, alias))

    async def delete(self, reference: str) -> None:
        """Delete a template, a version or an alias; raises ApiError 409 for a version that a name means."""
        await self._client.run(_delete(self._client.server, reference))

    async def _pages(self, path: str) -> AsyncIterator[Template]:
        cursor: str | None = None
        while True:
            page, cursor = await self._client.run(_page(self._client.server, path, cursor))
            for template in page:
                yield template
            if cursor is None:
                return
