"""The sweep, killed between row and file, and run by several keepers at once."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.book import Time, claimed, known
from pixelflow.adapters.events.memory import MemoryHub
from pixelflow.adapters.queue.memory import MemoryQueue
from pixelflow.adapters.storage.local import LocalStorage
from pixelflow.adapters.store import open_store
from pixelflow.control.rescue import Rescuer
from pixelflow.control.sweep import Sweeper
from pixelflow.domain.job import Completion, Job, JobState, Output, Source, new_id
from pixelflow.domain.keep import Keep
from pixelflow.domain.keys import input_key, output_key
from pixelflow.ports.book import Book
from pixelflow.ports.storage import Storage
from pixelflow.ports.store import JobFilter

KILLED = Path(__file__).parent / "killed_sweeper.py"
EACH = [Keep(source=5), Keep(outputs=5), Keep(source=5, outputs=5), Keep(record=5), Keep(source=5, record=9)]
PICTURE = b"picture" * 100


async def stored(storage: Storage, key: str) -> tuple[int, str]:
    async def chunks() -> AsyncIterator[bytes]:
        yield PICTURE

    found = await storage.put(key, chunks())
    return found.bytes, found.sha256


async def completed(store: Book, storage: Storage, keep: Keep | None) -> Job:
    """A job with its files, as a worker leaves it."""
    job_id = new_id()
    key = input_key("local", job_id)
    size, sha256 = await stored(storage, key)
    pipeline = [{"id": "thumb", "action": "resize", "width": 100}]
    source = Source("upload", key, size, sha256, "jpeg")
    await store.create(
        Job("local", job_id, JobState.QUEUED, pipeline, source, created_at=0, updated_at=0, keep=keep)
    )
    running = await claimed(store)
    made = output_key("local", job_id, running.attempt, "thumb", "webp")
    size, sha256 = await stored(storage, made)
    ended = await store.finish(
        running.claim, Completion((Output("thumb", made, "webp", "image/webp", size, sha256),))
    )
    assert ended is not None
    return ended


async def named_and_there(store: Book, storage: LocalStorage) -> tuple[set[str], set[str]]:
    """The keys that rows name, and those of the files."""
    jobs = (await store.list_jobs("local", JobFilter(), 200, None)).items
    return {key for job in jobs for key in job.keys}, {entry.key async for entry in storage.list(0)}


async def test_a_sweep_that_is_killed_leaves_orphans_and_nothing_named_is_missing(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "uploads", tmp_path / "outputs")
    store = await open_store(f"sqlite:///{tmp_path}/jobs.db", lambda: 1_000_000_000.0)
    kept = await completed(store, storage, None)
    for keep in EACH:
        await completed(store, storage, keep)
    _, before = await named_and_there(store, storage)
    await store.close()

    sweeping = await asyncio.create_subprocess_exec(sys.executable, str(KILLED), str(tmp_path))
    assert await asyncio.wait_for(sweeping.wait(), 60) == -signal.SIGKILL

    store = await open_store(f"sqlite:///{tmp_path}/jobs.db", lambda: 2_000_000_000.0)
    named, there = await named_and_there(store, storage)
    assert named < there, "a row names a file that is gone, or nothing was swept"
    assert there == before, "files went before their rows"
    sweeper = Sweeper(store, storage, MemoryHub(), orphan_seconds=0)
    assert await sweeper.sweep_jobs() == 0
    assert await sweeper.sweep_files() == len(before - named)
    named, there = await named_and_there(store, storage)
    assert named == there
    assert set(kept.keys) <= named
    await store.close()
    await storage.close()


@pytest.mark.parametrize("keepers", [2, 5])
async def test_any_number_of_keepers_do_each_thing_once(tmp_path: Path, keepers: int) -> None:
    time = Time()
    storage = LocalStorage(tmp_path / "uploads", tmp_path / "outputs")
    store = await open_store(f"sqlite:///{tmp_path}/jobs.db", time)
    hub = MemoryHub()
    try:
        ended = [await completed(store, storage, Keep(source=1, record=60)) for _ in range(10)]
        lost = [await completed(store, storage, None) for _ in range(2)]
        for job in lost:
            await store.delete("local", job.id)
        running = await waiting(store)
        time.now += 31
        sweepers = [Sweeper(store, storage, hub, orphan_seconds=0, batch=3) for _ in range(keepers)]
        rescuers = [Rescuer(store, MemoryQueue(), hub, upload_wait_seconds=60) for _ in range(keepers)]

        found = sum(await asyncio.gather(*(each.rescue() for each in rescuers)))
        swept = 0
        while now := sum(await asyncio.gather(*(each.sweep_jobs() for each in sweepers))):
            swept += now
        await asyncio.gather(*(each.sweep_files() for each in sweepers))

        assert (found, swept) == (1, len(ended))
        assert ((await known(store, running)).state, (await known(store, running)).losses) == (
            JobState.QUEUED,
            1,
        )
        assert all([(await known(store, job)).gone for job in ended])
        named, there = await named_and_there(store, storage)
        assert there == {key for key in named if key != running.source.key}
        time.now += 60
        swept = sum([sum(await asyncio.gather(*(each.sweep_jobs() for each in sweepers))) for _ in range(4)])
        assert swept == len(ended)
        assert await named_and_there(store, storage) == ({str(running.source.key)}, set())
        lines = (await store.audit.page("local", 200)).items
        assert sorted(line.subject for line in lines) == sorted(job.id for job in [*ended, *lost])
    finally:
        await store.close()
        await storage.close()


async def waiting(store: Book) -> Job:
    """A job whose worker is gone; its source is nowhere, which no keeper minds."""
    job_id = new_id()
    source = Source("upload", input_key("local", job_id), 1, "a" * 64)
    await store.create(Job("local", job_id, JobState.QUEUED, [], source, created_at=0, updated_at=0))
    return await claimed(store)
