"""The facts of software versions as rows."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pixelflow.adapters.store.database import Database

NOTE_SOFTWARE = "INSERT INTO software (digest, facts) VALUES (:digest, :facts) ON CONFLICT DO NOTHING"
GET_SOFTWARE = "SELECT facts FROM software WHERE digest = :digest"


class SqliteSoftware:
    """A SoftwareStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, digest: str, facts: Mapping[str, Any]) -> None:
        values = {"digest": digest, "facts": msgspec.json.encode(facts).decode()}
        await self._database.write(lambda tx: tx.count(NOTE_SOFTWARE, values))

    async def facts(self, digest: str) -> Mapping[str, Any] | None:
        row = self._database.one(GET_SOFTWARE, {"digest": digest})
        found: Mapping[str, Any] | None = msgspec.json.decode(row[0]) if row else None
        return found
