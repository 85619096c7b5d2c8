"""Named pipelines: made, found, moved, compared, and taken where a job is ordered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import msgspec

from pixelflow.control.assets import Assets
from pixelflow.control.idempotency import Promise
from pixelflow.control.keeping import read_keep
from pixelflow.control.order import Chosen, Order, read_order, read_pipeline
from pixelflow.control.reading import attempt, unknown_fields
from pixelflow.domain.audit import OPERATOR
from pixelflow.domain.difference import Difference, difference
from pixelflow.domain.errors import Forbidden, InvalidRequest, MalformedRequest, Problem, UnknownId
from pixelflow.domain.template import (
    BARE,
    BUILT_IN,
    DEFAULT,
    LATEST,
    MAX_VERSION,
    NAME,
    Meanings,
    Reference,
    Template,
    read_alias,
    read_description,
    read_name,
    read_reference,
    read_version,
)
from pixelflow.ports.store import Page
from pixelflow.ports.templates import TemplateStore

NEW_FIELDS = ("name", "pipeline", "description", "keep")
PROMOTE_FIELDS = ("version", "alias")
NEAR = 200
"""Templates among which a mistaken name is looked for."""
_ONLY_BUILT_IN = Meanings(0, 0)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Templates:
    """Every method is for one tenant; ``only`` refuses pipelines that are no template's."""

    store: TemplateStore
    assets: Assets
    only: bool = False

    async def order(
        self,
        tenant: str,
        given: Mapping[str, Any],
        other_fields: Sequence[str] = (),
        default: str | None = None,
    ) -> Order:
        """As ``read_order``, with the template that the request names, or ``default`` where it names neither
        that nor a pipeline."""
        return read_order(given, other_fields, await self.chosen(tenant, given, default))

    async def chosen(
        self, tenant: str, given: Mapping[str, Any], default: str | None = None
    ) -> Chosen | InvalidRequest:
        """The pipeline that a request names by itself or by a template; raises Forbidden for one of its own
        where only templates are run."""
        template, raw = given.get("template"), given.get("pipeline")
        if template is None and raw is None:
            template = default
        if raw is not None and self.only:
            raise Forbidden(
                "this server runs templates only: name one in template instead of sending a pipeline; "
                "GET /v1/templates lists them (TEMPLATES_ONLY)",
                code="templates_only",
                setting="TEMPLATES_ONLY",
            )
        try:
            if template is None:
                return Chosen(read_pipeline(raw))
            if raw is not None:
                message = "template and pipeline cannot both be given: a template is a pipeline"
                return InvalidRequest(
                    [Problem(message, "template", value=template, allowed="template or pipeline")]
                )
            found = await self._needed(tenant, read_reference(template))
            return Chosen(read_pipeline(_encode(found.pipeline)), found.id, found.keep)
        except InvalidRequest as error:
            return error

    async def add(self, tenant: str, given: Mapping[str, Any], promise: Promise) -> tuple[Template, bool]:
        """The next version of a template, and whether it is new; raises InvalidRequest."""
        problems = unknown_fields(given, NEW_FIELDS)
        name = attempt(read_name, given.get("name"), problems)
        description = attempt(read_description, given.get("description"), problems)
        pipeline = attempt(read_pipeline, given.get("pipeline"), problems)
        keep = read_keep(given.get("keep"), problems)
        if problems or name is None or pipeline is None:
            raise InvalidRequest(problems)
        if pipeline.needs:
            await self.assets.require(tenant, pipeline)
        return await self.store.add(tenant, name, pipeline.raw, description, promise(given, None), keep)

    async def get(self, tenant: str, given: str) -> tuple[Template, Meanings]:
        """One version, and what the names mean; raises UnknownId."""
        found = await self._find(tenant, _in_path(given))
        if found is None:
            raise _unknown(given)
        return found, await self._meanings(tenant, found.name)

    async def list(self, tenant: str, limit: int, cursor: str | None) -> Page[tuple[Template, Meanings]]:
        """By name; raises MalformedRequest for a cursor that is not ours."""
        if cursor is not None and not NAME.fullmatch(cursor):
            raise _foreign(cursor)
        page = await self.store.list(tenant, limit, cursor)
        names = [each.name for each, _ in page.items]
        here = (cursor or "") < DEFAULT and (page.cursor is None or page.cursor > DEFAULT)
        if not here or DEFAULT in names:
            return page
        items = sorted([*page.items, (BUILT_IN, _ONLY_BUILT_IN)], key=lambda item: item[0].name)
        return Page(items[:limit], page.cursor if len(items) <= limit else items[limit - 1][0].name)

    async def versions(
        self, tenant: str, name: str, limit: int, cursor: str | None
    ) -> tuple[Page[Template], Meanings]:
        """Newest first; raises UnknownId, and MalformedRequest for a cursor that is not ours."""
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 10):
            raise _foreign(cursor)
        reference = _in_path(name)
        if reference.wanted != BARE or await self._find(tenant, reference) is None:
            raise _unknown(name)
        before = MAX_VERSION + 1 if cursor is None else int(cursor)
        page = await self.store.versions(tenant, name, limit, before)
        if name == DEFAULT and not page.items and cursor is None:
            page = Page([BUILT_IN], None)
        return page, await self._meanings(tenant, name)

    async def diff(
        self, tenant: str, name: str, old: str | None, new: str | None
    ) -> tuple[Template, Template, Difference]:
        """Between two versions, by default from what the bare name means to the newest; raises UnknownId."""
        ends = []
        for end, given, otherwise in (("from", old, BARE), ("to", new, LATEST)):
            wanted = read_version(given, end) if given is not None else otherwise
            reference = Reference(_in_path(name).name, wanted)
            found = await self._find(tenant, reference)
            if found is None:
                raise _unknown(str(reference))
            ends.append(found)
        return ends[0], ends[1], difference(ends[0].pipeline, ends[1].pipeline)

    async def promote(
        self, tenant: str, name: str, given: Mapping[str, Any], actor: str = OPERATOR
    ) -> tuple[Template, Meanings]:
        """Let a name mean a version; raises InvalidRequest and UnknownId."""
        problems = unknown_fields(given, PROMOTE_FIELDS)
        alias = attempt(read_alias, given.get("alias"), problems)
        wanted = attempt(lambda value: read_version(value, "version"), given.get("version"), problems)
        if problems or alias is None or wanted is None:
            raise InvalidRequest(problems)
        found = await self.store.promote(tenant, _in_path(name).name, alias, wanted, actor)
        if found is None:
            raise _unknown(str(Reference(name, wanted)))
        return found, await self._meanings(tenant, found.name)

    async def rollback(
        self, tenant: str, name: str, given: Mapping[str, Any], promise: Promise, actor: str = OPERATOR
    ) -> tuple[Template, Meanings]:
        """Let a name mean what it did before; raises InvalidRequest, UnknownId and StateConflict."""
        problems = unknown_fields(given, ("alias",))
        alias = attempt(read_alias, given.get("alias"), problems)
        if problems or alias is None:
            raise InvalidRequest(problems)
        found = await self.store.rollback(tenant, _in_path(name).name, alias, promise(given, None), actor)
        if found is None:
            raise _unknown(str(Reference(name, alias)))
        return found, await self._meanings(tenant, found.name)

    async def delete(self, tenant: str, given: str, actor: str = OPERATOR) -> None:
        """A template, a version or an alias; raises UnknownId and StateConflict. Jobs that were made of it
        keep their pipeline."""
        if not await self.store.delete(tenant, _in_path(given), actor):
            raise _unknown(given)

    async def _needed(self, tenant: str, reference: Reference) -> Template:
        found = await self._find(tenant, reference)
        if found is not None:
            return found
        names = [each.name for each, _ in (await self.list(tenant, NEAR, None)).items]
        near = get_close_matches(reference.name, names, n=1) if reference.name not in names else []
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = f"there is no template {str(reference)!r}{hint}"
        raise InvalidRequest(
            [Problem(message, "template", value=str(reference), allowed="a template of /v1/templates")],
            code="unknown_template",
        )

    async def _find(self, tenant: str, reference: Reference) -> Template | None:
        found = await self.store.find(tenant, reference)
        if found is None and reference.name == DEFAULT and reference.wanted in (BARE, LATEST, 0):
            return BUILT_IN
        return found

    async def _meanings(self, tenant: str, name: str) -> Meanings:
        return await self.store.meanings(tenant, name) or _ONLY_BUILT_IN


def _in_path(given: str) -> Reference:
    try:
        return read_reference(given)
    except InvalidRequest:
        raise _unknown(given) from None


def _unknown(given: str) -> UnknownId:
    yours = " of your own; the built-in one stays as it is" if given.partition("@")[0] == DEFAULT else ""
    return UnknownId(f"there is no template {given[:100]!r}{yours}", template=given[:100])


def _foreign(cursor: str) -> MalformedRequest:
    return MalformedRequest(
        f"cursor {cursor[:80]!r} is not one that a list answered with; leave it out to begin at the first",
        code="invalid_cursor",
    )
