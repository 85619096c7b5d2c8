"""Writes the schema of new databases from the migrations: ``python docs/build/schema.py``."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from pixelflow.adapters.store.schema import HEAD, SCHEMA, upgrade

HEADER = "-- What all migrations together make; written by docs/build/schema.py.\n"


def schema() -> str:
    """SQL that makes a database as the migrations leave it."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "jobs.db"
        upgrade(database, None)
        with closing(sqlite3.connect(database)) as connection:
            made = connection.execute(
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' "
                "ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, rowid"
            ).fetchall()
    newest = f"INSERT INTO alembic_version VALUES ('{HEAD}')"  # noqa: S608 - our own revision
    return HEADER + "".join(f"{statement};\n" for statement in (*(row[0] for row in made), newest))


if __name__ == "__main__":
    SCHEMA.write_text(schema())
