"""Attempts that a service ended, and jobs that wait for a time."""

import pytest

from harness.book import LEASE, Time, claimed, job, kinds, known, queued
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Failure, Header, JobState, Source
from pixelflow.ports.store import JobStore, Woken

AWAY = Failure("unavailable", "the storage did not answer")


async def test_a_fault_puts_a_job_off_and_is_no_crash(store: JobStore, time: Time) -> None:
    await queued(store)
    running = await claimed(store)
    put_off = await store.fault(running.claim, AWAY, 5.0)
    assert put_off is not None
    assert (put_off.state, put_off.faults, put_off.crashes, put_off.losses) == (JobState.QUEUED, 1, 0, 0)
    assert (put_off.not_before, put_off.error, put_off.owner) == (time.now + 5, None, None)
    assert await store.claim("worker", LEASE) == []
    time.now += 4.9
    assert await store.wake(10) == Woken(0, pytest.approx(0.1))
    assert await store.claim("worker", LEASE) == []
    time.now += 0.1
    assert await store.wake(10) == Woken(1, None)
    again = await claimed(store)
    assert (again.attempt, again.faults, again.not_before) == (2, 1, None)
    assert again.queued_at == put_off.queued_at


async def test_a_job_given_back_for_later_waits_without_a_fault(store: JobStore, time: Time) -> None:
    before = await queued(store, scheduled_at=time.now - 5, not_before=time.now - 5)
    await store.wake(10)
    (released,) = await store.release([(await claimed(store)).claim], 5.0)
    assert (released.state, released.faults, released.not_before) == (JobState.QUEUED, 0, time.now + 5)
    assert await store.claim("worker", LEASE) == []
    time.now += 5
    assert await store.wake(10) == Woken(1, None)
    again = await claimed(store)
    assert (again.attempt, again.faults, again.not_before) == (2, 0, None)
    assert again.queued_at == before.scheduled_at, "it waits since it could be claimed first"


async def test_the_last_fault_fails_the_job(store: JobStore, time: Time) -> None:
    await queued(store)
    ended = await store.fault((await claimed(store)).claim, AWAY, None)
    assert ended is not None
    assert (ended.state, ended.error, ended.finished_at) == (JobState.FAILED, AWAY, time.now)
    assert ended.not_before is None
    assert (await kinds(store, ended))[-1] is EventKind.FAILED
    again = await store.retry("local", ended.id)
    assert again is not None
    assert (again.state, again.faults, again.error) == (JobState.QUEUED, 0, None)


async def test_a_fault_of_a_lost_claim_is_refused(store: JobStore, time: Time) -> None:
    await queued(store)
    first = await claimed(store)
    time.now += LEASE + 1
    await store.rescue(10)
    second = await claimed(store, "other")
    assert await store.fault(first.claim, AWAY, 5.0) is None
    assert await store.fault(first.claim, AWAY, None) is None
    assert await known(store, second) == second


async def test_faults_never_quarantine(store: JobStore, time: Time) -> None:
    await queued(store)
    for _ in range(20):
        await store.fault((await claimed(store)).claim, AWAY, 1.0)
        time.now += 1
        await store.wake(10)
    assert (await claimed(store)).faults == 20


async def test_a_scheduled_job_waits_since_it_was_due(store: JobStore, time: Time) -> None:
    at = time.now + 3600
    later = await queued(store, not_before=at, scheduled_at=at)
    assert await store.claim("worker", LEASE) == []
    assert (await store.depth()).oldest_queued_seconds == 0
    time.now += 1800
    early = await queued(store)
    time.now = at + 2
    await store.wake(10)
    assert [one.id for one in await store.claim("worker", LEASE, 10)] == [early.id, later.id]
    assert (await known(store, later)).queued_at == at


async def test_waking_is_bounded_and_tells_of_the_next(store: JobStore, time: Time) -> None:
    for seconds in (1, 2, 3, 10):
        await queued(store, not_before=time.now + seconds)
    time.now += 5
    assert await store.wake(2) == Woken(2, 0.0)
    assert await store.wake(2) == Woken(1, 5.0)
    assert len(await store.claim("worker", LEASE, 10)) == 3


async def test_a_scheduled_job_can_be_cancelled(store: JobStore, time: Time) -> None:
    later = await queued(store, not_before=time.now + 10)
    cancelled = await store.cancel("local", later.id)
    assert cancelled is not None
    assert cancelled.not_before is None
    time.now += 11
    assert await store.wake(10) == Woken(0, None)


async def test_a_job_waits_for_its_upload_and_for_its_time(store: JobStore, time: Time) -> None:
    at = time.now + 10
    waiting = (
        await store.create(job(state=JobState.AWAITING_UPLOAD, source=Source("upload"), not_before=at))
    ).job
    await store.start("local", waiting.id, Source("upload", "inputs/local/x/y"))
    assert await store.claim("worker", LEASE) == []
    time.now += 10
    assert await store.wake(10) == Woken(1, None)
    assert (await claimed(store)).id == waiting.id


async def test_what_is_quarantined_keeps_what_is_known_of_its_picture(store: JobStore) -> None:
    one = await queued(store)
    for _ in range(2):
        await store.crashed((await claimed(store)).claim, Failure("crash", "SIGSEGV"))
    ended = await store.crashed(
        (await claimed(store)).claim, Failure("crash", "SIGSEGV"), Header("png", 9000, 8000, 12.5)
    )
    assert ended is not None
    assert ended.state is JobState.QUARANTINED
    assert (ended.source.format, ended.source.width, ended.source.height) == ("png", 9000, 8000)
    assert (ended.source.key, ended.cost) == (one.source.key, 12.5)
