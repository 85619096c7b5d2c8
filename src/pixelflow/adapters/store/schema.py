"""Brings a database to the newest schema; the migrations beside this file are the schema."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from pixelflow.domain.errors import StartupError

HEAD = "0004"
"""The newest migration: a database that has it starts without Alembic."""
MIGRATIONS = Path(__file__).with_name("migrations")
SCHEMA = Path(__file__).with_name("schema.sql")
"""What the migrations make of nothing."""
UNKNOWN_REVISION = 3
"""Exit status of the migrating process for a database that a newer version wrote."""


def migrate(database: Path) -> None:
    """Bring it to the newest schema; raises StartupError for a newer or a foreign database.

    A new one takes what all migrations together make, in a millisecond.
    """
    version = current_revision(database)
    if version == HEAD:
        return
    if version is None and _create(database):
        return
    upgrade(database, version)


def _create(database: Path) -> bool:
    """Make everything in an empty file; False where something is there already."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
            return False
        statement = ""
        for line in SCHEMA.read_text().splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                connection.execute(statement)
                statement = ""
        connection.execute("COMMIT")
    return True


def upgrade(database: Path, version: str | None) -> None:
    """Apply the migrations that are missing after ``version``, each in one transaction; raises StartupError.

    Alembic runs in a process of its own: in the server's it would keep 25 MB for good.
    """
    command = [sys.executable, "-I", "-m", f"{__package__}.migrations", str(database)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if done.returncode == UNKNOWN_REVISION:
        raise StartupError(
            f"{database} was written by a newer PixelFlow (schema {version}, this one knows {HEAD}); "
            "install that version again, or start with another DB_PATH"
        )
    if done.returncode:
        raise StartupError(f"{database} cannot be migrated: {done.stderr.strip().splitlines()[-1]}")


def current_revision(database: Path) -> str | None:
    """The last migration that was applied; raises StartupError when this is no SQLite database."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            found = connection.execute(
                "SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'"
            ).fetchone()
            version = found and connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise StartupError(
            f"{database}, which DB_PATH names, cannot be used as a SQLite database: {error}"
        ) from error
    return version[0] if version else None
