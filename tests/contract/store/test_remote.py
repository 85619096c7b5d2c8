"""A job whose picture a worker fetches."""

import asyncio
from collections.abc import Awaitable

import pytest

from harness.book import DAY, LEASE, Time, claimed, kinds, known, queued
from harness.drift import drift
from pixelflow.domain.errors import Busy
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Completion, Failure, Job, JobState, Remote, Source
from pixelflow.domain.keep import Keep
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


async def test_of_any_number_that_fetch_at_once_as_many_as_fit_have_their_bytes(store: Book) -> None:
    for _ in range(20):
        await queued(store, source=Source("url"), remote=REMOTE)
    running = await store.claim("me", LEASE, 20)
    await store.tenants.put("local", 1.0, {"bytes_per_day": 35, "stored_bytes": 100})

    def fetched(job: Job) -> Awaitable[Job | None]:
        return store.fetched(job.claim, Source("url", input_key("local", job.id), 10, "a" * 64, "png"))

    noted = await asyncio.gather(*(fetched(job) for job in running), return_exceptions=True)
    assert sum(isinstance(answer, Busy) for answer in noted) == 17
    for job in running:
        await store.finish(job.claim, Completion(failure=Failure("source_quota", "no room"), spent={}))
    (day,) = await store.tenants.usage("local", "0000", "9999")
    assert (day.bytes, (await store.tenants.get("local")).stored_bytes) == (30, 30)
    assert await drift(store, "local") == {}


async def test_without_room_for_a_byte_no_picture_is_fetched(store: Book) -> None:
    await store.tenants.put("local", 1.0, {"stored_bytes": 10})
    first = await queued(store)
    with pytest.raises(Busy, match="bytes stored"):
        await queued(store, source=Source("url"), remote=REMOTE)
    await store.delete("local", first.id)
    later = await queued(store, source=Source("url"), remote=REMOTE)
    await store.finish((await claimed(store)).claim, Completion(failure=Failure("source_not_found", "404")))
    await queued(store)
    with pytest.raises(Busy, match="bytes stored"):
        await store.retry("local", later.id)


async def test_a_picture_that_is_fetched_again_once_it_is_gone_is_charged_once(
    store: Book, time: Time
) -> None:
    keep = Keep(source=1.0)
    job = await queued(store, source=Source("url"), remote=REMOTE, keep=keep)
    source = Source("url", input_key("local", job.id), 10, "a" * 64, "png")
    running = await claimed(store)
    await store.fetched(running.claim, source)
    await store.finish(running.claim, Completion(failure=Failure("corrupt", "no")))
    time.now += DAY
    assert [swept.bytes for swept in await store.sweep(10)] == [10]
    await store.tenants.put("local", 1.0, {"bytes_per_day": 10, "stored_bytes": 10})
    assert await store.retry("local", job.id)
    assert await store.fetched((await claimed(store)).claim, source)
    days = await store.tenants.usage("local", "0000", "9999")
    assert [day.bytes for day in days] == [10, 10]
    assert (await store.tenants.get("local")).stored_bytes == 10


async def test_what_steps_refer_to_by_url_is_charged_once_and_stored_nowhere(store: Book) -> None:
    await store.tenants.put("local", 1.0, {"bytes_per_day": 40})

    async def charged() -> int:
        (day,) = await store.tenants.usage("local", "0000", "9999")
        return day.bytes

    job = await queued(store)
    first = await claimed(store)
    assert await store.referred(first.claim, 20)
    await store.release([first.claim])
    assert not await store.referred(first.claim, 30)
    second = await claimed(store)
    for size in (20, 15, 25):
        assert await store.referred(second.claim, size)
    assert await charged() == 10 + 25
    with pytest.raises(Busy, match="bytes sent in today"):
        await store.referred(second.claim, 31)
    await store.finish(second.claim, Completion(failure=Failure("corrupt", "no"), spent={}))
    assert await charged() == 35
    assert (await store.tenants.get("local")).stored_bytes == 10
    await store.tenants.put("local", 1.0, {})
    await store.retry("local", job.id)
    assert await store.referred((await claimed(store)).claim, 25), "another life fetches for itself"
    assert await charged() == 2 * 35


async def test_a_retry_after_a_failed_fetch_has_its_url_still(store: JobStore) -> None:
    job = await queued(store, source=Source("url"), remote=REMOTE)
    running = await claimed(store)
    await store.finish(running.claim, Completion(failure=Failure("source_not_found", "404")))
    await store.retry("local", job.id)
    again = await known(store, job)
    assert (again.state, again.source.key, again.remote) == (JobState.QUEUED, None, REMOTE)
