"""What is created is there, whole and once."""

import asyncio
from dataclasses import replace

import pytest

from harness.book import LEASE, Open, Time, claimed, job, kinds, known, output, queued
from pixelflow.domain.errors import StoreUnavailable
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Completion, JobState
from pixelflow.ports.store import Created, JobFilter, JobStore


async def test_a_created_job_is_read_back_whole(store: JobStore, time: Time) -> None:
    given = job(
        priority=7, metadata={"order": 12, "tags": ["a"]}, webhook_url="https://a.b/c", expires_at=time() + 5
    )
    created = await store.create(given)
    assert not created.replayed
    assert created.job == replace(
        given,
        created_at=time(),
        updated_at=time(),
        queued_at=time(),
        sequence=created.job.sequence,
        charged_on="2023-11-14",
    )
    assert await store.get("local", given.id) == created.job


async def test_a_job_that_awaits_its_upload_is_not_queued(store: JobStore) -> None:
    created = (await store.create(job(state=JobState.AWAITING_UPLOAD))).job
    assert created.queued_at is None
    assert await store.claim("worker", LEASE) == []
    assert await kinds(store, created) == [EventKind.AWAITING_UPLOAD]


async def test_an_id_is_used_once(store: JobStore) -> None:
    first = await queued(store)
    with pytest.raises(ValueError):
        await store.create(job(id=first.id, priority=9))
    assert await store.get("local", first.id) == first


async def test_another_tenants_job_is_not_there(store: JobStore) -> None:
    mine = await queued(store)
    assert await store.get("other", mine.id) is None
    assert await store.cancel("other", mine.id) is None
    assert await store.delete("other", mine.id) is None
    assert await store.start("other", mine.id, mine.source) is None
    assert (await store.list_jobs("other", JobFilter(), 10, None)).items == []
    assert await store.events("other", mine.id, 0, 10) == []
    assert await store.events("other", None, 0, 10) == []
    assert await known(store, mine) == mine


async def test_tenants_may_use_the_same_id(store: JobStore) -> None:
    mine, theirs = await queued(store), None
    theirs = await queued(store, "other", id=mine.id)
    await store.delete("other", theirs.id)
    assert await known(store, mine) == mine


async def test_what_was_acknowledged_is_there_after_a_reopening(reopen: Open) -> None:
    store = await reopen()
    first = await queued(store)
    running = await claimed(store)
    await store.close()
    store = await reopen()
    try:
        found = await store.get("local", first.id)
        assert found is not None
        # Its lease may be over at once: who reopens it may know that nobody else can hold one.
        assert replace(found, lease_until=None) == replace(running, lease_until=None)
        ended = await store.finish(running.claim, Completion((output(running),)))
        assert ended is not None
        assert ended.sequence > running.sequence
    finally:
        await store.close()


async def test_a_closed_store_says_so(reopen: Open) -> None:
    store = await reopen()
    await store.check()
    await store.close()
    for call in (store.create(job()), store.get("local", "x"), store.depth(), store.check()):
        with pytest.raises(StoreUnavailable):
            await call


async def test_a_refused_operation_does_not_hurt_those_beside_it(store: JobStore) -> None:
    taken = await queued(store)
    refused = [job(id=taken.id) if i % 3 else job(priority=1 << 70) for i in range(60)]
    calls = [store.create(each) for bad in refused for each in (job(), bad)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for good, bad_answer in zip(answers[::2], answers[1::2], strict=True):
        assert isinstance(bad_answer, (ValueError, OverflowError))
        assert isinstance(good, Created)
        assert await store.get("local", good.job.id) == good.job
    assert (await store.depth()).by_state[JobState.QUEUED] == 61
    assert len(await store.events("local", None, 0, 1000)) == 61


async def test_what_json_cannot_hold_is_refused(store: JobStore) -> None:
    with pytest.raises((TypeError, ValueError)):
        await store.create(job(metadata={"a": object()}))
    assert (await store.depth()).by_state[JobState.QUEUED] == 0
