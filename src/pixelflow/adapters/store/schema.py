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
UNKNOWN_REVISION = 3
"""Exit status of the migrating process for a database that a newer version wrote."""


def migrate(database: Path) -> None:
    """Apply what is missing, each migration in one transaction; raises StartupError for a newer database.

    Alembic runs in a process of its own: in the server's it would keep 25 MB for good.
    """
    version = current_revision(database)
    if version == HEAD:
        return
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
