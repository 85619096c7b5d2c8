"""A claim holds for as long as it is renewed."""

from dataclasses import replace

from harness.book import LEASE, Time, claimed, known, queued
from pixelflow.domain.job import JobState
from pixelflow.ports.store import JobStore


async def test_a_renewed_lease_is_kept_and_notes_the_progress(store: JobStore, time: Time) -> None:
    await queued(store)
    running = await claimed(store)
    time.now += LEASE - 1
    assert list(await store.renew({running.claim: 40}, LEASE)) == [running.claim]
    time.now += LEASE - 1
    assert await store.rescue(10) == []
    now = await known(store, running)
    assert (now.progress, now.lease_until) == (40, time() + 1)


async def test_only_leases_that_are_held_are_renewed(store: JobStore) -> None:
    for _ in range(3):
        await queued(store)
    kept, cancelled, deleted = await store.claim("me", LEASE, 3)
    await store.cancel("local", cancelled.id)
    await store.delete("local", deleted.id)
    stranger = replace(kept.claim, owner="you")
    claims = dict.fromkeys((kept.claim, cancelled.claim, deleted.claim, stranger), 10)
    assert list(await store.renew(claims, LEASE)) == [kept.claim]
    assert await store.renew({}, LEASE) == []


async def test_a_lost_workers_job_is_queued_again(store: JobStore, time: Time) -> None:
    await queued(store)
    running = await claimed(store)
    time.now += LEASE
    assert await store.rescue(10) == []
    time.now += 0.001
    (rescued,) = await store.rescue(10)
    assert (rescued.id, rescued.state, rescued.losses, rescued.attempt) == (running.id, JobState.QUEUED, 1, 1)
    assert (rescued.owner, rescued.lease_until, rescued.finished_at) == (None, None, None)
    assert rescued.queued_at == running.queued_at
    assert (await claimed(store)).attempt == 2


async def test_a_job_that_loses_its_workers_again_and_again_is_quarantined(
    store: JobStore, time: Time
) -> None:
    await queued(store)
    for loss in range(1, 6):
        await claimed(store)
        time.now += LEASE + 1
        (rescued,) = await store.rescue(10)
        assert rescued.losses == loss
        assert (rescued.state is JobState.QUARANTINED) == (loss == 5)
    assert (rescued.state, rescued.finished_at) == (JobState.QUARANTINED, time())
    assert rescued.error is not None
    assert rescued.error.code == "lost"
    assert await store.claim("me", LEASE) == []


async def test_a_rescue_takes_the_longest_lost_first_and_no_more_than_asked(
    store: JobStore, time: Time
) -> None:
    for _ in range(3):
        await queued(store)
    order = []
    for _ in range(3):
        order.append((await claimed(store)).id)
        time.now += 1
    time.now += LEASE + 1
    assert [one.id for one in await store.rescue(2)] == order[:2]
    assert [one.id for one in await store.rescue(2)] == order[2:]
