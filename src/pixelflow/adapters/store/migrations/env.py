"""Runs the migrations on one SQLite file; Alembic executes this module."""

from pathlib import Path

from alembic import context
from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection


def _run(database: Path) -> None:
    engine = create_engine(URL.create("sqlite", database=str(database)))

    # The driver would leave DDL outside of any transaction, and a cut half-way would leave half a schema.
    @event.listens_for(engine, "connect")
    def _manual(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        with engine.connect() as connection:
            context.configure(connection=connection, transactional_ddl=True, transaction_per_migration=True)
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()


_run(context.config.attributes["database"])
