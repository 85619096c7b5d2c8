"""Stores on a file of their own, and other processes that use it."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from pixelflow.adapters.store.sqlite import SqliteStore, open_sqlite

OTHER_PROCESS = Path(__file__).with_name("other_process.py")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "jobs.db"


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_sqlite(database)
    yield opened
    await opened.close()


@pytest.fixture
def other_process(database: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a process that does what a function of ``other_process.py`` does, with the same database."""
    started: list[subprocess.Popen[str]] = []

    def start(what: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(OTHER_PROCESS), what, str(database)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=60)
