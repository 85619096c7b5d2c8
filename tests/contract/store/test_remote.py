"""A job whose picture a worker fetches."""

import pytest

from harness.book import Time, claimed, kinds, known, queued
from harness.drift import drift
from pixelflow.domain.errors import Busy
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Completion, Failure, JobState, Remote, Source
from pixelflow.domain.keys import input_key
from pixelflow.ports.book import Book
from pixelflow.ports.store import JobStore

REMOTE = Remote("https://pictures.example/a.png?signature=1", {"Authorization": "Bearer secret"}, "a" * 64)


async def test_a_fetched_source_is_there_for_all_later_attempts(store: JobStore, time: Time) -> None:
    job = await queued(store, source=Source("url"), remote=REMOTE)
    running = await claimed(store)
    assert (running.source, running.remote) == (Source("url"), REMOTE)
    time.now += 3
    source = Source("url", input_key("local", job.id), 10, "a" * 64, "png")
    noted = await store.fetched(running.claim, source)
    assert noted is not None
    assert (noted.source, noted.state, noted.updated_at) == (source, JobState.PROCESSING, time())
    assert noted.claim == running.claim
    assert await store.known_keys([source.key or ""]) == {source.key}
    await store.release([running.claim])
    again = await claimed(store)
    assert (again.attempt, again.source, again.remote) == (2, source, REMOTE)
    assert await kinds(store, job) == [
        EventKind.QUEUED,
        EventKind.PROCESSING,
        EventKind.QUEUED,
        EventKind.PROCESSING,
    ]


async def test_the_bytes_of_a_fetched_source_count(store: Book) -> None:
    await store.tenants.put("local", 1.0, {"stored_bytes": 25})
    for number in range(3):
        job = await queued(store, source=Source("url"), remote=REMOTE)
        running = await claimed(store)
        source = Source("url", input_key("local", job.id), 10, "a" * 64, "png")
        if number == 2:
            with pytest.raises(Busy, match="bytes stored"):
                await store.fetched(running.claim, source)
            assert (await known(store, job)).source == Source("url")
        else:
            assert await store.fetched(running.claim, source)
            await store.finish(running.claim, Completion())
    assert await drift(store, "local") == {}


async def test_a_retry_after_a_failed_fetch_has_its_url_still(store: JobStore) -> None:
    job = await queued(store, source=Source("url"), remote=REMOTE)
    running = await claimed(store)
    await store.finish(running.claim, Completion(failure=Failure("source_not_found", "404")))
    await store.retry("local", job.id)
    again = await known(store, job)
    assert (again.state, again.source.key, again.remote) == (JobState.QUEUED, None, REMOTE)
