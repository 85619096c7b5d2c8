"""The audit log's rows: ``note`` writes one in an open transaction, ``SqliteAudit`` reads them."""
# ruff: noqa: S608 - only this module's own column list is put into statements

from collections.abc import Mapping
from typing import Any

import msgspec

from pixelflow.adapters.store.cursors import read_sequence_cursor
from pixelflow.adapters.store.database import Database
from pixelflow.adapters.store.rows import Row
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.domain.audit import Entry
from pixelflow.domain.secrets import HIDDEN, is_secret
from pixelflow.ports.store import Page

AUDIT_COLUMNS = "sequence, tenant, at, actor, action, subject, detail"

ADD_LINE = """
INSERT INTO audit (tenant, at, actor, action, subject, detail)
VALUES (:tenant, :now, :actor, :action, :subject, :detail)
"""
LINES = f"""
SELECT {AUDIT_COLUMNS} FROM audit WHERE tenant = :tenant AND sequence < :before
ORDER BY sequence DESC LIMIT :limit
"""
LINES_OF_ACTION = f"""
SELECT {AUDIT_COLUMNS} FROM audit WHERE tenant = :tenant AND action = :action AND sequence < :before
ORDER BY sequence DESC LIMIT :limit
"""
LINES_OF_SUBJECT = f"""
SELECT {AUDIT_COLUMNS} FROM audit
WHERE tenant = :tenant AND subject = :subject AND sequence < :before AND (:action IS NULL OR action = :action)
ORDER BY sequence DESC LIMIT :limit
"""
FORGET_LINES = """
DELETE FROM audit WHERE sequence IN (
    SELECT sequence FROM audit WHERE at < :horizon ORDER BY at, sequence LIMIT :limit)
"""


def note(
    tx: Transaction,
    tenant: str,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write a line in the transaction of what it tells of; values under a secret's name are hidden, and the
    caller puts none under another."""
    shown = {name: HIDDEN if is_secret(name) else value for name, value in (detail or {}).items()}
    text = msgspec.json.encode(shown).decode() if shown else None
    values = {"tenant": tenant, "actor": actor, "action": action, "subject": subject, "detail": text}
    tx.count(ADD_LINE, {**values, "now": tx.now})


class SqliteAudit:
    """An AuditLog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        tenant: str,
        limit: int,
        cursor: str | None = None,
        *,
        action: str | None = None,
        subject: str | None = None,
    ) -> Page[Entry]:
        before = read_sequence_cursor(cursor) if cursor is not None else 2**63 - 1
        values = {"tenant": tenant, "before": before, "limit": limit + 1, "action": action}
        statement = LINES if action is None else LINES_OF_ACTION
        if subject is not None:
            statement, values["subject"] = LINES_OF_SUBJECT, subject
        lines = [_to_entry(row) for row in await self._database.rows(statement, values)]
        return Page(lines[:limit], str(lines[limit - 1].sequence) if len(lines) > limit else None)

    async def forget(self, older_than_seconds: float, limit: int) -> int:
        return await self._database.write(
            lambda tx: tx.count(FORGET_LINES, {"horizon": tx.now - older_than_seconds, "limit": limit})
        )


def _to_entry(row: Row) -> Entry:
    sequence, tenant, at, actor, action, subject, detail = row
    return Entry(tenant, sequence, at, actor, action, subject, msgspec.json.decode(detail) if detail else {})
