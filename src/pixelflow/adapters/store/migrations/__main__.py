"""Migrates one SQLite file to the newest schema: ``python -m pixelflow.adapters.store.migrations FILE``."""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from pixelflow.adapters.store.schema import MIGRATIONS, UNKNOWN_REVISION, current_revision


def configured(database: Path) -> Config:
    """Alembic's configuration for this database and the migrations here."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["database"] = database
    return config


def main(database: Path) -> int:
    """Answer the exit status."""
    config = configured(database)
    if revision := current_revision(database):
        try:
            ScriptDirectory.from_config(config).get_revision(revision)
        except CommandError:
            return UNKNOWN_REVISION
    try:
        command.upgrade(config, "head")
    except DBAPIError as error:
        print(error.orig, file=sys.stderr)  # noqa: T201 - read by the process that started this one
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
