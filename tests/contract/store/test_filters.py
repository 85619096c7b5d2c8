"""Which jobs a list shows, whatever filters are put together."""

from uuid import UUID

import pytest

from harness.book import Time, claimed, known, queued
from pixelflow.domain.job import JobState
from pixelflow.ports.store import JobFilter, JobStore


async def found(store: JobStore, where: JobFilter, tenant: str = "local") -> list[str]:
    """Page by page, one job each; the count agrees."""
    ids, cursor = [], None
    while True:
        page = await store.list_jobs(tenant, where, 1, cursor)
        ids += [job.id for job in page.items]
        if (cursor := page.cursor) is None:
            break
    assert await store.count_jobs(tenant, where) == len(ids)
    return ids


def made_at(time: Time, number: int = 0) -> str:
    """An id as the clock of the store would give it."""
    return str(UUID(int=int(time.now * 1000) << 80 | 7 << 76 | 2 << 62 | number))


async def test_jobs_are_found_by_what_is_on_top_of_their_metadata(store: JobStore) -> None:
    first = await queued(store, metadata={"order": 17, "shop": "north", "paid": True, "lines": [1, 2]})
    second = await queued(store, metadata={"order": 17, "shop": "south", "paid": False})
    await queued(store, metadata={"order": 18, "shop": "north"})
    await queued(store, "other", metadata={"order": 17})
    both = sorted([first.id, second.id], reverse=True)
    assert await found(store, JobFilter(metadata={"order": "17"})) == both
    assert await found(store, JobFilter(metadata={"order": "17", "shop": "north"})) == [first.id]
    assert await found(store, JobFilter(metadata={"paid": "false"})) == [second.id]
    assert await found(store, JobFilter(metadata={"lines": "[1,2]"})) == []
    assert await found(store, JobFilter(metadata={"shop": "NORTH"})) == []


async def test_filters_are_put_together(store: JobStore, time: Time) -> None:
    facts = {"metadata": {"order": 17}, "template": "thumb@3", "batch_id": "b1"}
    old = await queued(store, id=made_at(time), **facts)
    time.now += 1000
    running = await queued(store, id=made_at(time), **facts)
    await store.cancel("local", old.id)
    claim = await claimed(store)
    assert claim.id == running.id
    for where in (
        JobFilter(state=JobState.CANCELLED),
        JobFilter(created_before=time.now),
        JobFilter(state=JobState.CANCELLED, metadata={"order": "17"}),
        JobFilter(created_before=time.now, metadata={"order": "17"}, template="thumb"),
        JobFilter(JobState.CANCELLED, time.now - 2000, "thumb@3", "b1", time.now, {"order": "17"}),
    ):
        assert await found(store, where) == [old.id], where
    assert await found(store, JobFilter(created_after=time.now - 1, metadata={"order": "17"})) == [running.id]
    assert await found(store, JobFilter(template="thumb@4", metadata={"order": "17"})) == []
    assert await found(store, JobFilter(batch_id="b2", metadata={"order": "17"})) == []


async def test_a_deleted_job_is_found_by_nothing(store: JobStore) -> None:
    one = await queued(store, metadata={"order": 17})
    await store.delete("local", one.id, "test")
    assert await found(store, JobFilter(metadata={"order": "17"})) == []
    again = await queued(store, metadata={"order": 17})
    assert await found(store, JobFilter(metadata={"order": "17"})) == [again.id]


@pytest.mark.parametrize("keys", [1, 64, 500])
async def test_the_first_keys_are_searched(store: JobStore, keys: int) -> None:
    one = await queued(store, metadata={f"k{number}": number for number in range(keys)})
    assert await found(store, JobFilter(metadata={"k0": "0"})) == [one.id]
    last = {f"k{keys - 1}": str(keys - 1)}
    assert await found(store, JobFilter(metadata=last)) == ([one.id] if keys <= 64 else [])


async def test_a_held_job_is_not_deleted_and_does_not_expire(store: JobStore, time: Time) -> None:
    one = await queued(store, expires_at=time.now + 10)
    await store.cancel("local", one.id)
    held = await store.hold("local", one.id, "test", held=True)
    assert held is not None
    assert held.hold
    assert await store.hold("local", one.id, "test", held=True) == held
    time.now += 11
    assert await store.due(10) == []
    assert await store.delete("local", one.id, "test") is None
    assert (await known(store, one)).hold
    assert await store.hold("other", one.id, "test", held=False) is None
    await store.hold("local", one.id, "test", held=False)
    assert [job.id for job in await store.due(10)] == [one.id]
    assert await store.delete("local", one.id, "test") is not None
    assert await store.hold("local", one.id, "test", held=True) is None
