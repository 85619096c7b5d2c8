"""Tenants' times as rows."""

from dataclasses import asdict

import msgspec

from pixelflow.adapters.store.audit import note
from pixelflow.adapters.store.database import Database
from pixelflow.adapters.store.rows import json_text
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.domain.audit import OPERATOR
from pixelflow.domain.keep import NOTHING, Keep

MOST_AT_HAND = 10_000
"""Tenants whose times are remembered; one process owns the database, so they are its own."""

GET_KEEP = "SELECT keep FROM tenant WHERE tenant = :tenant"
PUT_KEEP = """
INSERT INTO tenant (tenant, keep) VALUES (:tenant, :keep)
ON CONFLICT (tenant) DO UPDATE SET keep = excluded.keep
"""

_to_keep = msgspec.json.Decoder(Keep).decode


class SqliteKeeps:
    """A KeepStore."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._at_hand: dict[str, Keep] = {}

    def of(self, tenant: str) -> Keep:
        found = self._at_hand.get(tenant)
        if found is None:
            if len(self._at_hand) >= MOST_AT_HAND:
                self._at_hand.clear()
            row = self._database.one(GET_KEEP, {"tenant": tenant})
            found = self._at_hand[tenant] = _to_keep(row[0]) if row and row[0] else NOTHING
        return found

    async def put(self, tenant: str, keep: Keep, actor: str = OPERATOR) -> None:
        def change(tx: Transaction) -> None:
            tx.count(PUT_KEEP, {"tenant": tenant, "keep": None if keep == NOTHING else json_text(keep)})
            note(tx, tenant, actor, "tenant.keep_changed", tenant, asdict(keep))

        await self._database.write(change)
        self._at_hand.pop(tenant, None)
