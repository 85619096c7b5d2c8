"""The schema, its migrations, and what the statements make of its indexes."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from pixelflow.adapters.store import (
    audit,
    batch_statements,
    bulks,
    keeps,
    listing,
    quotas,
    rows,
    software,
    statements,
    sweeping,
    templates,
    tenants,
    webhook_rows,
    webhook_statements,
)
from pixelflow.adapters.store.database import STATEMENTS
from pixelflow.adapters.store.schema import HEAD, MIGRATIONS, current_revision, migrate, upgrade
from pixelflow.domain.batch import BatchState, ItemState
from pixelflow.domain.errors import StartupError
from pixelflow.domain.job import JobState
from pixelflow.domain.webhook import DeliveryState, EndpointState

MODULES = (
    statements,
    audit,
    keeps,
    listing,
    quotas,
    software,
    sweeping,
    templates,
    tenants,
    batch_statements,
    bulks,
    webhook_statements,
)
"""Every module of the store that has SQL of its own."""
ALL = {
    name: text
    for module in MODULES
    for name, text in vars(module).items()
    if isinstance(text, str) and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", text)
}
OF_LANES = {"CLAIM", "OLDEST_QUEUED"}
"""Statements that sort lanes, of which there are as many as tenants that wait."""


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    migrate(tmp_path / "jobs.db")
    return tmp_path / "jobs.db"


def asked(database: Path, sql: str, values: Mapping[str, None] | None = None) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection, connection:
        return connection.execute(sql, values or {}).fetchall()


def plan(database: Path, sql: str) -> list[str]:
    """SQLite's plan, a line for each step."""
    names = re.findall(r":(\w+)", sql)
    return [row[3] for row in asked(database, f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(names))]


def test_the_known_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("job", f"{rows.JOB_COLUMNS}, referred_bytes"),
        ("event", rows.EVENT_COLUMNS),
        ("asset", rows.ASSET_COLUMNS),
        ("audit", audit.AUDIT_COLUMNS),
        ("endpoint", webhook_rows.ENDPOINT_COLUMNS),
        ("message", webhook_rows.MESSAGE_COLUMNS),
        ("delivery", f"{webhook_rows.DELIVERY_COLUMNS}, owner"),
    ],
)
def test_the_rows_are_the_tables(migrated: Path, table: str, columns: str) -> None:
    there = [row[1] for row in asked(migrated, f"PRAGMA table_info({table})")]
    assert sorted(columns.split(", ")) == sorted(there)


def test_a_new_database_is_as_the_migrations_make_it(migrated: Path, tmp_path: Path) -> None:
    """``python docs/build/schema.py`` writes it anew."""
    upgraded = tmp_path / "upgraded.db"
    upgrade(upgraded, None)
    everything = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    assert asked(migrated, everything) == asked(upgraded, everything)
    assert current_revision(migrated) == current_revision(upgraded) == HEAD


def test_a_database_that_is_up_to_date_starts_without_alembic(migrated: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pixelflow.adapters.store.schema import migrate;"
        f"migrate(Path({str(migrated)!r})); print([m for m in sys.modules if m in ('alembic', 'sqlalchemy')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    database = tmp_path / "jobs.db"
    asked(database, "CREATE TABLE asset (id TEXT)")
    with pytest.raises(StartupError, match="table asset already exists"):
        migrate(database)
    names = [row[0] for row in asked(database, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    asked(database, "DROP TABLE asset")
    assert "job" not in names
    migrate(database)


def test_a_newer_database_is_refused(migrated: Path) -> None:
    asked(migrated, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartupError, match="newer PixelFlow \\(schema 9999"):
        migrate(migrated)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"something else" * 1000)
    with pytest.raises(StartupError, match="SQLite database"):
        migrate(tmp_path / "jobs.db")


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"COUNT_BY_STATE"}))
def test_no_statement_reads_a_whole_table(migrated: Path, name: str) -> None:
    steps = plan(migrated, ALL[name])
    known = r"SCAN (?!(?:delivery_)?lane\b|json_each\b|\(subquery)"
    assert not [step for step in steps if re.match(known, step)], steps
    assert sum("TEMP B-TREE" in step for step in steps) == (name in OF_LANES), steps


def test_the_claim_counts_what_is_in_flight_in_the_smallest_index(migrated: Path) -> None:
    steps = plan(migrated, statements.CLAIM)
    assert "SEARCH job USING INDEX job_in_flight (tenant=?)" in steps
    assert any(step.startswith("SEARCH job USING COVERING INDEX job_to_claim") for step in steps)


@pytest.mark.parametrize("name", ["ITEMS_IN_STATE", "ITEM_OF_JOB", "JOBS_IN_FLIGHT"])
def test_a_line_is_found_without_a_look_at_the_others(migrated: Path, name: str) -> None:
    steps = plan(migrated, ALL[name])
    assert "INDEX item_of_" in steps[0], steps


def test_all_prepared_statements_are_kept() -> None:
    assert len(ALL) + 3 <= STATEMENTS


def test_the_states_in_statements_are_the_domains() -> None:
    for name, text in ALL.items():
        named = re.findall(r"(?:state =|THEN|ELSE) '(\w+)'", text)
        named += [
            word for words in re.findall(r"state IN \((.*?)\)", text) for word in re.findall(r"\w+", words)
        ]
        states = {
            state.value
            for kind in (JobState, DeliveryState, EndpointState, BatchState, ItemState)
            for state in kind
        }
        assert set(named) <= states, name
