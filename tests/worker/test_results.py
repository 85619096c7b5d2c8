"""An attempt's outputs on their way from a descriptor to the record, over a real store and a real storage."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.book import claimed, job, known
from pixelflow.adapters.events.memory import MemoryHub
from pixelflow.adapters.storage.local import LocalStorage
from pixelflow.adapters.store.sqlite import SqliteStore, open_sqlite
from pixelflow.domain.errors import StoreUnavailable
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Completion
from pixelflow.domain.keys import output_key
from pixelflow.imaging import wire
from pixelflow.worker.results import Results

STEPS = ("one", "two", "three")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_sqlite(tmp_path / "jobs.db")
    yield opened
    await opened.close()


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[LocalStorage]:
    opened = LocalStorage(tmp_path / "uploads", tmp_path / "outputs")
    yield opened
    await opened.close()


@pytest.fixture
def lost() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def results(store: SqliteStore, storage: LocalStorage, lost: asyncio.Event) -> Results:
    """Of a claimed job whose three outputs lie in their staged files, and are told of at once."""
    await store.create(replace(job(), pipeline=[{"id": step, "action": "info"} for step in STEPS]))
    running = await claimed(store)
    found = Results(running, store, storage, MemoryHub(), 0.0, lost.set)
    for step in STEPS:
        os.write(found.stage(step, output_key("local", running.id, 1, step, "json")), step.encode())
    return found


def made(step: str) -> wire.Made:
    return wire.Made(step, "json")


async def test_what_comes_while_something_is_told_of_is_told_of_next(
    results: Results, store: SqliteStore
) -> None:
    with results.hub.subscribe("local", results.job.id) as inbox:
        for step in ("three", "one", "two"):
            results.written(made(step))
            await asyncio.sleep(0)
        heard = [await inbox.get(10) for _ in STEPS]
    await results.stop()
    told = [event.output for event, _ in filter(None, heard)]
    stored = await store.events("local", results.job.id, 0, 100)
    assert [event.output for event in stored if event.kind is EventKind.OUTPUT_READY] == told
    assert sorted(filter(None, told)) == sorted(STEPS)
    assert [output.id for output in (await known(store, results.job)).outputs] == list(STEPS)


async def test_what_was_told_of_is_not_stored_again_at_the_end(results: Results, store: SqliteStore) -> None:
    with results.hub.subscribe("local", results.job.id) as inbox:
        results.written(made("two"))
        assert await inbox.get(10)
    done = wire.Finished([made(step) for step in STEPS], [], wire.Facts("png", 1, 1), {})
    outputs = await results.complete(done)
    assert [output.id for output in outputs] == list(STEPS)
    assert [output.ready_at is None for output in outputs] == [True, False, True]
    ended = await store.finish(results.job.claim, Completion(outputs))
    assert ended is not None
    assert ended.outputs == tuple(outputs)


async def test_a_claim_that_is_lost_is_noticed_and_leaves_nothing(
    results: Results, store: SqliteStore, storage: LocalStorage, lost: asyncio.Event
) -> None:
    await store.cancel("local", results.job.id)
    results.written(made("one"))
    await asyncio.wait_for(lost.wait(), 10)
    await results.discard()
    await results.withdraw()
    assert [entry.key async for entry in storage.list(-60)] == []


async def test_an_announcement_that_fails_ends_the_attempt(
    results: Results, store: SqliteStore, lost: asyncio.Event
) -> None:
    await store.writer.close()
    results.written(made("one"))
    await asyncio.wait_for(lost.wait(), 10)
    with pytest.raises(StoreUnavailable):
        await results.stop()
    await results.discard()
