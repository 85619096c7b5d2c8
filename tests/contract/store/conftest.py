"""Every job store, each on a clock that the test moves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from harness.book import Open, Time
from pixelflow.adapters.store import open_store
from pixelflow.ports.book import Book

Clock = Callable[[], float]
Backend = Callable[[Path, Clock], Awaitable[Book]]

BACKENDS: dict[str, Backend] = {
    "sqlite": lambda folder, clock: open_store(f"sqlite:///{folder}/data/jobs.db", clock),
}


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(params=BACKENDS)
def reopen(request: pytest.FixtureRequest, tmp_path: Path, time: Time) -> Open:
    backend = BACKENDS[request.param]
    return lambda: backend(tmp_path, time)


@pytest.fixture
async def store(reopen: Open) -> AsyncIterator[Book]:
    opened = await reopen()
    yield opened
    await opened.close()
