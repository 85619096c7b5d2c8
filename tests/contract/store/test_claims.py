"""Who gets which job next."""

import asyncio
from dataclasses import replace

from harness.book import LEASE, Time, claimed, queued
from pixelflow.domain.job import Completion, JobState
from pixelflow.ports.store import JobStore


async def test_a_claim_names_owner_lease_and_attempt(store: JobStore, time: Time) -> None:
    first = await queued(store)
    time.now += 3
    running = await claimed(store, "me")
    assert running == replace(
        first,
        state=JobState.PROCESSING,
        attempt=1,
        owner="me",
        lease_until=time() + LEASE,
        started_at=time(),
        updated_at=time(),
        sequence=running.sequence,
    )
    assert await store.get("local", first.id) == running
    assert await store.claim("you", LEASE) == []


async def test_higher_priorities_come_first_and_then_the_oldest(store: JobStore, time: Time) -> None:
    expected = []
    for priority in (0, 5, -3, 5, 0):
        expected.append(await queued(store, priority=priority))
        time.now += 1
    order = [one.id for one in await store.claim("me", LEASE, 10)]
    assert order == [expected[i].id for i in (1, 3, 0, 4, 2)]


async def test_the_tenant_with_the_least_in_flight_comes_first(store: JobStore, time: Time) -> None:
    for tenant in ("greedy", "greedy", "greedy", "modest", "greedy", "modest"):
        await queued(store, tenant)
        time.now += 1
    one_by_one = [(await claimed(store)).tenant for _ in range(3)]
    together = [one.tenant for one in await store.claim("me", LEASE, 10)]
    assert one_by_one + together == ["greedy", "modest", "greedy", "modest", "greedy", "greedy"]


async def test_a_finished_job_is_no_longer_in_flight(store: JobStore, time: Time) -> None:
    for tenant in ("a", "a", "a", "b"):
        await queued(store, tenant)
        time.now += 1
    first = await claimed(store)
    await store.finish(first.claim, Completion())
    assert [one.tenant for one in await store.claim("me", LEASE, 3)] == ["a", "b", "a"]


async def test_of_many_claimers_each_job_has_one(store: JobStore) -> None:
    made = [await queued(store, f"tenant-{i % 3}") for i in range(20)]
    answers = await asyncio.gather(*(store.claim(f"worker-{i}", LEASE) for i in range(40)))
    won = [one for answer in answers for one in answer]
    assert sorted(one.id for one in won) == sorted(one.id for one in made)
    assert all(one.attempt == 1 for one in won)


async def test_a_claim_takes_no_more_than_there_is_and_no_more_than_asked(store: JobStore) -> None:
    for _ in range(3):
        await queued(store)
    assert len(await store.claim("me", LEASE, 2)) == 2
    assert len(await store.claim("me", LEASE, 2)) == 1
    assert await store.claim("me", LEASE, 2) == []
    assert await store.claim("me", LEASE, 0) == []
