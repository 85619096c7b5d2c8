"""One thing done to many jobs, step by step, with its progress in the same transaction."""

from dataclasses import replace
from typing import Any

import pytest

from harness.book import DAY, Open, Time, claimed, known, queued
from pixelflow.control.selecting import read_filter
from pixelflow.domain.bulk import Bulk, BulkAction
from pixelflow.domain.errors import InvalidRequest, MalformedRequest
from pixelflow.domain.job import Completion, Failure, JobState, new_id
from pixelflow.ports.book import Book
from pixelflow.ports.bulks import Stepped
from pixelflow.ports.store import IdempotencyKey


def bulk(action: BulkAction, tenant: str = "local", **where: Any) -> Bulk:
    return Bulk(tenant, new_id(), action, where, "anna", 5, 0, 0)


async def step(store: Book, limit: int = 2) -> Stepped:
    stepped = await store.bulks.step(lambda one: read_filter(one.where), limit)
    assert stepped is not None
    return stepped


async def finish(store: Book) -> Bulk:
    while (stepped := await step(store)).bulk.finished_at is None:
        assert len(stepped.jobs) <= 2
    return stepped.bulk


async def test_what_the_filter_finds_is_cancelled_in_steps(store: Book, time: Time) -> None:
    mine = sorted([await queued(store) for _ in range(5)], key=lambda job: job.id)
    theirs = await queued(store, "other")
    await store.cancel("local", mine[2].id)
    made, _ = await store.bulks.create(bulk(BulkAction.CANCEL), None)
    time.now += 1
    first = await step(store)
    assert [job.id for job in first.jobs] == [mine[4].id, mine[3].id]
    assert {job.state for job in first.jobs} == {JobState.CANCELLED}
    assert await store.bulks.get("local", made.id) == first.bulk
    ended = await finish(store)
    assert (ended.id, ended.changed, ended.skipped) == (made.id, 4, 1)
    assert ended.finished_at == time.now
    assert [(await known(store, job)).state for job in mine] == [JobState.CANCELLED] * 5
    assert (await known(store, theirs)).state is JobState.QUEUED
    assert await store.bulks.step(lambda one: read_filter(one.where), 2) is None
    assert await store.bulks.get("other", made.id) is None


async def test_retry_takes_those_that_ended_without_success(store: Book) -> None:
    failed = []
    for _ in range(3):
        await queued(store)
        job = await store.finish((await claimed(store)).claim, Completion(failure=Failure("corrupt", "cut")))
        assert job is not None
        failed.append(job)
    waiting = await queued(store)
    await store.bulks.create(bulk(BulkAction.RETRY, status="failed"), None)
    ended = await finish(store)
    assert (ended.changed, ended.skipped) == (3, 0)
    assert {(await known(store, job)).state for job in (*failed, waiting)} == {JobState.QUEUED}


async def test_delete_leaves_what_is_held(store: Book) -> None:
    jobs = [await queued(store, metadata={"order": 17}) for _ in range(3)]
    await store.hold("local", jobs[1].id, "anna", held=True)
    await store.bulks.create(bulk(BulkAction.DELETE, metadata={"order": "17"}), None)
    ended = await finish(store)
    assert (ended.changed, ended.skipped) == (2, 1)
    assert [await store.get("local", job.id) is None for job in jobs] == [True, False, True]


async def test_it_goes_on_after_a_restart(reopen: Open) -> None:
    store = await reopen()
    for _ in range(5):
        await queued(store)
    made, _ = await store.bulks.create(bulk(BulkAction.CANCEL), None)
    before = (await step(store)).bulk
    await store.close()
    store = await reopen()
    try:
        assert await store.bulks.get("local", made.id) == before
        assert (await finish(store)).changed == 5
    finally:
        await store.close()


async def test_several_take_turns(store: Book, time: Time) -> None:
    for tenant in ("a", "b"):
        for _ in range(4):
            await queued(store, tenant)
        await store.bulks.create(bulk(BulkAction.CANCEL, tenant), None)
        time.now += 1
    turns = []
    for _ in range(4):
        time.now += 1
        turns.append((await step(store)).bulk.tenant)
    assert turns == ["a", "b", "a", "b"]


async def test_they_are_listed_newest_first_and_forgotten_long_after_their_end(
    store: Book, time: Time
) -> None:
    made = [(await store.bulks.create(bulk(BulkAction.CANCEL), None))[0] for _ in range(3)]
    await store.bulks.create(bulk(BulkAction.CANCEL, "other"), None)
    first = await store.bulks.list("local", 2, None)
    rest = await store.bulks.list("local", 2, first.cursor)
    assert [each.id for each in (*first.items, *rest.items)] == sorted(
        (each.id for each in made), reverse=True
    )
    assert rest.cursor is None
    with pytest.raises(MalformedRequest):
        await store.bulks.list("local", 2, "x")
    time.now += DAY
    assert await store.bulks.forget(DAY, 10) == 0, "none has ended"
    for _ in range(4):
        await step(store)
        time.now += 1
    time.now += DAY - 2
    assert await store.bulks.forget(DAY, 2) == 2
    assert await store.bulks.forget(DAY, 2) == 0
    assert len((await store.bulks.list("local", 10, None)).items) == 1


async def test_a_key_makes_one_operation(store: Book) -> None:
    key, order = IdempotencyKey("once", "this"), bulk(BulkAction.CANCEL)
    first, replayed = await store.bulks.create(order, key)
    assert not replayed
    assert await store.bulks.create(replace(order, id=new_id()), key) == (first, True)
    with pytest.raises(InvalidRequest):
        await store.bulks.create(order, IdempotencyKey("once", "that"))
