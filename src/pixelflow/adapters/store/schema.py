"""Brings a database to the newest schema; the migrations beside this file are the schema."""

import sqlite3
from contextlib import closing
from pathlib import Path

from pixelflow.domain.errors import StartupError

HEAD = "0001"
"""The newest migration: a database that is there already starts without importing Alembic."""
MIGRATIONS = Path(__file__).with_name("migrations")


def migrate(database: Path) -> None:
    """Apply what is missing, each migration in one transaction; raises StartupError for a newer database."""
    version = _version(database)
    if version == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["database"] = database
    if version is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(version)
        except CommandError:
            raise StartupError(
                f"{database} was written by a newer PixelFlow (schema {version}, this one knows {HEAD}); "
                "install that version again, or start with another DB_PATH"
            ) from None
    command.upgrade(config, "head")


def _version(database: Path) -> str | None:
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
