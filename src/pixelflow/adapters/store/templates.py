"""Templates in the SQLite store."""
# ruff: noqa: S608 - only this module's own column lists are put into statements

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pixelflow.adapters.store.audit import note
from pixelflow.adapters.store.database import Database
from pixelflow.adapters.store.idempotency import answered, remember
from pixelflow.adapters.store.rows import Row, json_text
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.domain.audit import OPERATOR
from pixelflow.domain.errors import InvalidRequest, Problem, StateConflict
from pixelflow.domain.keep import Keep
from pixelflow.domain.template import (
    BARE,
    LATEST,
    MAX_ALIASES,
    MAX_HISTORY,
    Meanings,
    Reference,
    Template,
)
from pixelflow.ports.store import IdempotencyKey, Page

TEMPLATE_COLUMNS = "tenant, name, version, pipeline, description, created_at, deleted_at, keep"
OF_TEMPLATE = ", ".join(f"template.{name}" for name in TEMPLATE_COLUMNS.split(", "))

FIND_VERSION = f"""
SELECT {TEMPLATE_COLUMNS} FROM template
WHERE tenant = :tenant AND name = :name AND version = :wanted AND deleted_at IS NULL
"""

FIND_ALIAS = f"""
SELECT {OF_TEMPLATE} FROM template_alias AS meant
JOIN template ON template.tenant = meant.tenant AND template.name = meant.name
    AND template.version = meant.version
WHERE meant.tenant = :tenant AND meant.name = :name AND meant.alias = :wanted
    AND template.deleted_at IS NULL
"""

FIND_NEWEST = f"""
SELECT {TEMPLATE_COLUMNS} FROM template
WHERE tenant = :tenant AND name = :name AND deleted_at IS NULL ORDER BY version DESC LIMIT 1
"""

# Deleted versions count too: their numbers are not given again.
LAST_VERSION = "SELECT max(version) FROM template WHERE tenant = :tenant AND name = :name"

INSERT_TEMPLATE = f"""
INSERT INTO template ({TEMPLATE_COLUMNS})
VALUES (:tenant, :name, :version, :pipeline, :description, :now, NULL, :keep)
"""

LIST_TEMPLATES = f"""
SELECT {OF_TEMPLATE} FROM template_alias AS meant
JOIN template ON template.tenant = meant.tenant AND template.name = meant.name
    AND template.version = meant.version
WHERE meant.tenant = :tenant AND meant.name > :after AND meant.alias = '' ORDER BY meant.name LIMIT :limit
"""

LIST_VERSIONS = f"""
SELECT {TEMPLATE_COLUMNS} FROM template
WHERE tenant = :tenant AND name = :name AND version < :before AND deleted_at IS NULL
ORDER BY version DESC LIMIT :limit
"""

ALIASES = """
SELECT alias, version, history FROM template_alias WHERE tenant = :tenant AND name = :name ORDER BY alias
"""

PUT_ALIAS = """
INSERT INTO template_alias (tenant, name, alias, version, history, updated_at)
VALUES (:tenant, :name, :alias, :version, :history, :now)
ON CONFLICT (tenant, name, alias) DO UPDATE
SET version = excluded.version, history = excluded.history, updated_at = excluded.updated_at
"""

DELETE_ALIAS = "DELETE FROM template_alias WHERE tenant = :tenant AND name = :name AND alias = :wanted"
DELETE_ALIASES = "DELETE FROM template_alias WHERE tenant = :tenant AND name = :name"

DELETE_VERSION = """
UPDATE template SET deleted_at = :now, pipeline = '[]', description = NULL
WHERE tenant = :tenant AND name = :name AND version = :wanted AND deleted_at IS NULL
"""

DELETE_VERSIONS = """
UPDATE template SET deleted_at = :now, pipeline = '[]', description = NULL
WHERE tenant = :tenant AND name = :name AND deleted_at IS NULL
"""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_to_keep = msgspec.json.Decoder(Keep).decode


class SqliteTemplates:
    """A TemplateStore over the job store's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        tenant: str,
        name: str,
        pipeline: Sequence[Mapping[str, Any]],
        description: str | None,
        idempotency: IdempotencyKey | None = None,
        keep: Keep | None = None,
    ) -> tuple[Template, bool]:
        values = {"tenant": tenant, "name": name, "description": description, "keep": json_text(keep)}
        text = _encode(pipeline).decode()
        return await self._database.write(lambda tx: _add(tx, tenant, values, text, idempotency))

    async def find(self, tenant: str, reference: Reference) -> Template | None:
        row = self._database.one(*_finding(tenant, reference))
        return _template(row) if row else None

    async def meanings(self, tenant: str, name: str) -> Meanings | None:
        found = await self._meanings(tenant, [name])
        return found.get(name)

    async def list(self, tenant: str, limit: int, cursor: str | None) -> Page[tuple[Template, Meanings]]:
        values = {"tenant": tenant, "after": cursor or "", "limit": limit + 1}
        found = [_template(row) for row in await self._database.rows(LIST_TEMPLATES, values)]
        page = found[:limit]
        meanings = await self._meanings(tenant, [each.name for each in page])
        items = [(each, meanings[each.name]) for each in page if each.name in meanings]
        return Page(items, page[-1].name if len(found) > limit else None)

    async def versions(self, tenant: str, name: str, limit: int, before: int) -> Page[Template]:
        values = {"tenant": tenant, "name": name, "before": before, "limit": limit + 1}
        found = [_template(row) for row in await self._database.rows(LIST_VERSIONS, values)]
        return Page(found[:limit], str(found[limit - 1].version) if len(found) > limit else None)

    async def promote(
        self, tenant: str, name: str, alias: str, wanted: int | str, actor: str = OPERATOR
    ) -> Template | None:
        reference = Reference(name, wanted)
        return await self._database.write(lambda tx: _promote(tx, tenant, reference, alias, actor))

    async def rollback(
        self,
        tenant: str,
        name: str,
        alias: str,
        idempotency: IdempotencyKey | None = None,
        actor: str = OPERATOR,
    ) -> Template | None:
        reference = Reference(name, alias)
        return await self._database.write(lambda tx: _rollback(tx, tenant, reference, idempotency, actor))

    async def delete(self, tenant: str, reference: Reference, actor: str = OPERATOR) -> bool:
        return await self._database.write(lambda tx: _deleted(tx, tenant, reference, actor))

    async def _meanings(self, tenant: str, names: Sequence[str]) -> dict[str, Meanings]:
        def read(connection: Any) -> dict[str, Meanings]:
            found = {}
            for name in names:
                values = {"tenant": tenant, "name": name}
                newest = connection.execute(FIND_NEWEST, values).fetchone()
                aliases = {row[0]: row[1] for row in connection.execute(ALIASES, values)}
                if newest and BARE in aliases:
                    found[name] = Meanings(aliases.pop(BARE), newest[2], aliases)
            return found

        return await self._database.read(read)


def _finding(tenant: str, reference: Reference) -> tuple[str, dict[str, object]]:
    values: dict[str, object] = {"tenant": tenant, "name": reference.name, "wanted": reference.wanted}
    if reference.wanted == LATEST:
        return FIND_NEWEST, values
    return (FIND_VERSION if isinstance(reference.wanted, int) else FIND_ALIAS), values


def _add(
    tx: Transaction,
    tenant: str,
    values: Mapping[str, object],
    text: str,
    idempotency: IdempotencyKey | None,
) -> tuple[Template, bool]:
    made = answered(tx, tenant, idempotency)
    if made and (former := tx.one(FIND_VERSION, {**values, "wanted": int(made)})):
        return _template(former), False
    newest = tx.one(FIND_NEWEST, values)
    if newest and _decode(newest[3]) == _decode(text) and newest[7] == values["keep"]:
        remember(tx, tenant, idempotency, str(newest[2]))
        return _template(newest), False
    last = tx.rows(LAST_VERSION, values)[0][0] or 0
    version = {**values, "version": last + 1, "pipeline": text, "now": tx.now}
    tx.count(INSERT_TEMPLATE, version)
    if newest is None:
        tx.count(PUT_ALIAS, {**version, "alias": BARE, "history": "[]"})
    remember(tx, tenant, idempotency, str(last + 1))
    return _template(tx.rows(FIND_NEWEST, values)[0]), True


def _promote(tx: Transaction, tenant: str, reference: Reference, alias: str, actor: str) -> Template | None:
    row = tx.one(*_finding(tenant, reference))
    if row is None:
        return None
    wanted = _template(row)
    aliases = {each[0]: each for each in tx.rows(ALIASES, {"tenant": tenant, "name": wanted.name})}
    former = aliases.get(alias)
    if former is None and len(aliases) > MAX_ALIASES:
        allowed = f"at most {MAX_ALIASES} aliases of a template"
        message = f"{wanted.name} has {MAX_ALIASES} aliases already; delete one first"
        raise InvalidRequest([Problem(message, "alias", value=alias, allowed=allowed)])
    if former is None or former[1] != wanted.version:
        history = [*_decode(former[2]), former[1]][-MAX_HISTORY:] if former else []
        _point(tx, wanted, alias, history)
        before = former[1] if former else None
        detail = {"version": wanted.version, "before": before}
        note(tx, tenant, actor, "template.promoted", str(Reference(wanted.name, alias)), detail)
    return wanted


def _rollback(
    tx: Transaction, tenant: str, reference: Reference, idempotency: IdempotencyKey | None, actor: str
) -> Template | None:
    names = {"tenant": tenant, "name": reference.name}
    done = answered(tx, tenant, idempotency)
    if done and (row := tx.one(FIND_VERSION, {**names, "wanted": int(done)})):
        return _template(row)
    former = next((each for each in tx.rows(ALIASES, names) if each[0] == reference.wanted), None)
    if former is None:
        return None
    history = _decode(former[2])
    while history:
        version = history.pop()
        row = tx.one(FIND_VERSION, {**names, "wanted": version})
        if row is not None and version != former[1]:
            before = _template(row)
            _point(tx, before, str(reference.wanted), history)
            remember(tx, tenant, idempotency, str(version))
            detail = {"version": version, "before": former[1]}
            note(tx, tenant, actor, "template.rolled_back", str(reference), detail)
            return before
    raise StateConflict(
        f"{reference} has meant version {former[1]} since it was made: there is nothing to go back to",
        code="no_earlier_version",
        version=former[1],
    )


def _deleted(tx: Transaction, tenant: str, reference: Reference, actor: str) -> bool:
    there = _delete(tx, tenant, reference)
    if there:
        note(tx, tenant, actor, "template.deleted", str(reference))
    return there


def _delete(tx: Transaction, tenant: str, reference: Reference) -> bool:
    values = {"tenant": tenant, "name": reference.name, "wanted": reference.wanted, "now": tx.now}
    if reference.wanted == BARE:
        tx.count(DELETE_ALIASES, values)
        return tx.count(DELETE_VERSIONS, values) > 0
    if isinstance(reference.wanted, str):
        return tx.count(DELETE_ALIAS, values) > 0
    meant = [row[0] for row in tx.rows(ALIASES, values) if row[1] == reference.wanted]
    if meant:
        names = ", ".join(str(Reference(reference.name, alias)) for alias in meant)
        raise StateConflict(
            f"{names} means {reference}; promote another version first", code="template_in_use", names=names
        )
    return tx.count(DELETE_VERSION, values) > 0


def _point(tx: Transaction, meant: Template, alias: str, history: Sequence[int]) -> None:
    values = {"tenant": meant.tenant, "name": meant.name, "alias": alias, "version": meant.version}
    tx.count(PUT_ALIAS, {**values, "history": _encode(history).decode(), "now": tx.now})


def _template(row: Row) -> Template:
    """A row of ``TEMPLATE_COLUMNS``."""
    tenant, name, version, pipeline, description, created_at, _, keep = row
    kept = _to_keep(keep) if keep else None
    return Template(tenant, name, version, _decode(pipeline), description, created_at, kept)
