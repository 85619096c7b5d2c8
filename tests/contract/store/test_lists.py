"""Pages of jobs, and how many there are."""

from typing import Any

import pytest

from harness.book import LEASE, Open, Time, claimed, job, queued
from pixelflow.domain.errors import MalformedRequest
from pixelflow.domain.job import Completion, Failure, JobState
from pixelflow.ports.store import JobFilter, JobStore


async def test_pages_are_newest_first_and_leave_nothing_out(store: JobStore) -> None:
    made = [(await queued(store)).id for _ in range(7)]
    await queued(store, "other")
    pages, cursor = [], None
    while True:
        page = await store.list_jobs("local", JobFilter(), 3, cursor)
        pages.append([one.id for one in page.items])
        cursor = page.cursor
        if cursor is None:
            break
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [one for page in pages for one in page] == sorted(made, reverse=True)


async def test_a_full_last_page_has_no_cursor(store: JobStore) -> None:
    for _ in range(4):
        await queued(store)
    first = await store.list_jobs("local", JobFilter(), 2, None)
    assert (await store.list_jobs("local", JobFilter(), 2, first.cursor)).cursor is None


async def test_lists_are_filtered_by_state_and_time(store: JobStore, time: Time) -> None:
    old = await queued(store)
    time.now += 10
    new = await queued(store)
    cancelled = await queued(store)
    await store.cancel("local", cancelled.id)

    async def ids(**where: Any) -> set[str]:
        return {one.id for one in (await store.list_jobs("local", JobFilter(**where), 10, None)).items}

    assert await ids(state=JobState.QUEUED) == {old.id, new.id}
    assert await ids(state=JobState.FAILED) == set()
    assert await ids(created_after=time() - 5) == {new.id, cancelled.id}
    assert await ids(created_after=time() - 5, state=JobState.CANCELLED) == {cancelled.id}
    assert await ids(created_after=time()) == set()
    assert await ids(created_after=0) == {old.id, new.id, cancelled.id}


@pytest.mark.parametrize("cursor", ["", "x", "1", "'; DROP TABLE job; --", "é" * 100])
async def test_a_foreign_cursor_is_refused(store: JobStore, cursor: str) -> None:
    with pytest.raises(MalformedRequest):
        await store.list_jobs("local", JobFilter(), 10, cursor)
    with pytest.raises(MalformedRequest):
        await store.list_assets("local", 10, cursor)


async def test_the_depth_counts_by_state_also_after_a_reopening(reopen: Open, time: Time) -> None:
    store = await reopen()
    assert (await store.depth()).oldest_queued_seconds == 0
    for _ in range(6):
        await queued(store)
        time.now += 1
    await store.create(job(state=JobState.AWAITING_UPLOAD))
    first, second, third = await store.claim("me", LEASE, 3)
    await store.finish(first.claim, Completion())
    await store.crashed(second.claim, Failure("crash", "signal 11"))
    await store.cancel("local", third.id)
    await store.retry("local", third.id)
    fourth = await claimed(store)
    await store.delete("local", fourth.id)
    before = await store.depth()
    counted = {state: number for state, number in before.by_state.items() if number}
    assert counted == {JobState.COMPLETED: 1, JobState.QUEUED: 4, JobState.AWAITING_UPLOAD: 1}
    assert before.oldest_queued_seconds == 3
    await store.close()
    store = await reopen()
    try:
        assert await store.depth() == before
    finally:
        await store.close()
