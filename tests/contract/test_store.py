"""What every job store promises."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pixelflow.adapters.store import open_store
from pixelflow.domain.asset import Asset
from pixelflow.domain.errors import InvalidRequest, MalformedRequest, StoreUnavailable
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import (
    MAX_CRASHES,
    MAX_LOSSES,
    Claim,
    Completion,
    Failure,
    Job,
    JobState,
    Output,
    SkippedOutput,
    Source,
    new_id,
)
from pixelflow.domain.keys import asset_key, input_key, output_key
from pixelflow.ports.store import Created, IdempotencyKey, JobFilter, JobStore

Clock = Callable[[], float]
Open = Callable[[], Awaitable[JobStore]]
Backend = Callable[[Path, Clock], Awaitable[JobStore]]

BACKENDS: dict[str, Backend] = {
    "sqlite": lambda folder, clock: open_store(f"sqlite:///{folder}/data/jobs.db", clock),
}
DAY = 24 * 3600.0
LEASE = 30.0


@dataclass
class Time:
    """A clock that moves when told to; it begins before any id that this run makes."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(params=BACKENDS)
def reopen(request: pytest.FixtureRequest, tmp_path: Path, time: Time) -> Open:
    backend = BACKENDS[request.param]
    return lambda: backend(tmp_path, time)


@pytest.fixture
async def store(reopen: Open) -> AsyncIterator[JobStore]:
    opened = await reopen()
    yield opened
    await opened.close()


def job(tenant: str = "local", state: JobState = JobState.QUEUED, **facts: Any) -> Job:
    """A job as a caller makes it, its source stored unless it waits for one."""
    job_id = facts.pop("id", None) or new_id()
    key = input_key(tenant, job_id) if state is JobState.QUEUED else None
    source = facts.pop("source", Source("upload", key, 10, "a" * 64))
    pipeline = [{"id": "thumb", "action": "resize", "width": 100, "note": "größer ☃"}]
    return Job(tenant, job_id, state, pipeline, source, created_at=0.0, updated_at=0.0, **facts)


async def queued(store: JobStore, tenant: str = "local", **facts: Any) -> Job:
    return (await store.create(job(tenant, **facts))).job


async def claimed(store: JobStore, owner: str = "worker") -> Job:
    (found,) = await store.claim(owner, LEASE)
    return found


async def known(store: JobStore, one: Job) -> Job:
    found = await store.get(one.tenant, one.id)
    assert found is not None
    return found


def output(of: Job, step: str = "thumb") -> Output:
    key = output_key(of.tenant, of.id, of.attempt, step, "jpg")
    return Output(step, key, "jpeg", "image/jpeg", 1234, "b" * 64, 100, 75)


async def kinds(store: JobStore, of: Job) -> list[EventKind]:
    return [event.kind for event in await store.events(of.tenant, of.id, 0, 1000)]


# Creating and reading


async def test_a_created_job_is_read_back_whole(store: JobStore, time: Time) -> None:
    given = job(
        priority=7, metadata={"order": 12, "tags": ["a"]}, webhook_url="https://a.b/c", expires_at=time() + 5
    )
    created = await store.create(given)
    assert not created.replayed
    assert created.job == replace(
        given, created_at=time(), updated_at=time(), queued_at=time(), sequence=created.job.sequence
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


# Idempotency keys


async def test_the_same_key_and_request_give_the_same_job(store: JobStore) -> None:
    key = IdempotencyKey("once", "fingerprint")
    first = await store.create(job(), key)
    again = await store.create(job(), key)
    assert again.replayed
    assert again.job == first.job
    assert (await store.list_jobs("local", JobFilter(), 10, None)).items == [first.job]


async def test_a_replay_answers_the_job_as_it_is_now(store: JobStore) -> None:
    key = IdempotencyKey("once", "fingerprint")
    await store.create(job(), key)
    running = await claimed(store)
    assert (await store.create(job(), key)).job == running


async def test_a_key_for_another_request_is_refused(store: JobStore) -> None:
    await store.create(job(), IdempotencyKey("once", "this"))
    with pytest.raises(InvalidRequest) as refused:
        await store.create(job(), IdempotencyKey("once", "that"))
    assert refused.value.code == "idempotency_mismatch"
    assert len((await store.list_jobs("local", JobFilter(), 10, None)).items) == 1


async def test_a_key_belongs_to_its_tenant(store: JobStore) -> None:
    key = IdempotencyKey("once", "fingerprint")
    mine = await store.create(job(), key)
    theirs = await store.create(job("other"), key)
    assert not theirs.replayed
    assert mine.job.id != theirs.job.id


async def test_a_key_is_forgotten_after_a_day(store: JobStore, time: Time) -> None:
    key, other = IdempotencyKey("once", "this"), IdempotencyKey("once", "that")
    first = await store.create(job(), key)
    time.now += DAY - 1
    assert (await store.create(job(), key)).job == first.job
    time.now += 1
    assert not (await store.create(job(), other)).replayed


async def test_a_deleted_jobs_key_makes_a_new_one(store: JobStore) -> None:
    key = IdempotencyKey("once", "fingerprint")
    first = await store.create(job(), key)
    await store.delete("local", first.job.id)
    assert not (await store.create(job(), key)).replayed


async def test_of_many_at_once_with_one_key_one_makes_the_job(store: JobStore) -> None:
    key = IdempotencyKey("once", "fingerprint")
    answers = await asyncio.gather(*(store.create(job(), key) for _ in range(50)))
    assert sum(not answer.replayed for answer in answers) == 1
    assert len({answer.job.id for answer in answers}) == 1


# Uploads


async def test_an_upload_may_be_replaced_until_the_start(store: JobStore, time: Time) -> None:
    waiting = (await store.create(job(state=JobState.AWAITING_UPLOAD))).job
    first = Source("upload", input_key("local", waiting.id), 1, "1" * 64)
    second = Source("upload", input_key("local", waiting.id), 2, "2" * 64)
    assert await store.attach("local", waiting.id, first) == waiting.source
    assert await store.attach("local", waiting.id, second) == first
    time.now += 5
    started = await store.start("local", waiting.id, second)
    assert started is not None
    assert (started.state, started.source, started.queued_at) == (JobState.QUEUED, second, time())
    assert await store.start("local", waiting.id, first) is None
    assert await store.attach("local", waiting.id, first) is None
    assert await known(store, started) == started
    assert await kinds(store, started) == [EventKind.AWAITING_UPLOAD, EventKind.QUEUED]


async def test_an_unknown_job_takes_no_upload(store: JobStore) -> None:
    assert await store.attach("local", new_id(), Source("upload")) is None
    assert await store.start("local", new_id(), Source("upload")) is None


async def test_a_start_never_goes_back_to_a_replaced_upload(store: JobStore) -> None:
    waiting = (await store.create(job(state=JobState.AWAITING_UPLOAD))).job
    first, second = Source("upload", "inputs/local/x/1"), Source("upload", "inputs/local/x/2")
    await store.attach("local", waiting.id, first)
    await store.attach("local", waiting.id, second)
    assert await store.start("local", waiting.id, first) is None
    started = await store.start("local", waiting.id, second)
    assert started is not None
    assert started.source == second


async def test_an_upload_that_never_came_ends_its_job(store: JobStore, time: Time) -> None:
    late = (await store.create(job(state=JobState.AWAITING_UPLOAD))).job
    time.now += 60
    fresh = (await store.create(job(state=JobState.AWAITING_UPLOAD))).job
    time.now += 60
    (ended,) = await store.expire_uploads(older_than_seconds=61, limit=10)
    assert (ended.id, ended.state, ended.finished_at) == (late.id, JobState.FAILED, time())
    assert ended.error is not None
    assert ended.error.code == "upload_expired"
    assert await store.expire_uploads(61, 10) == []
    assert (await known(store, fresh)).state is JobState.AWAITING_UPLOAD


# Claims


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


# Leases


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
    for loss in range(1, MAX_LOSSES + 1):
        await claimed(store)
        time.now += LEASE + 1
        (rescued,) = await store.rescue(10)
        assert rescued.losses == loss
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


# The ends of an attempt


async def test_a_finished_job_has_its_outputs(store: JobStore, time: Time) -> None:
    await queued(store)
    running = await claimed(store)
    await store.renew({running.claim: 50}, LEASE)
    time.now += 2
    outputs = (output(running), Output("facts", "outputs/x", "json", "application/json", 2, "c" * 64))
    skipped = (SkippedOutput("blur", Failure("invalid", "too small", "blur")),)
    completion = Completion(outputs, skipped, source_format="webp", source_width=640, source_height=480)
    ended = await store.finish(running.claim, completion)
    assert ended == replace(
        running,
        state=JobState.COMPLETED,
        outputs=outputs,
        skipped=skipped,
        progress=100,
        owner=None,
        lease_until=None,
        updated_at=time(),
        finished_at=time(),
        source=replace(running.source, format="webp", width=640, height=480),
        sequence=ended.sequence if ended else 0,
    )
    assert await store.get("local", running.id) == ended


async def test_a_failed_job_has_its_failure_and_keeps_what_was_known_of_its_source(store: JobStore) -> None:
    source = Source("upload", "inputs/local/x/y", 10, "a" * 64, "png", 5, 6)
    await queued(store, source=source)
    running = await claimed(store)
    failure = Failure("corrupt", "ends in the middle", "thumb")
    ended = await store.finish(running.claim, Completion(failure=failure))
    assert ended is not None
    assert (ended.state, ended.error, ended.outputs, ended.source) == (JobState.FAILED, failure, (), source)


async def test_crashes_are_counted_up_to_the_quarantine(store: JobStore, time: Time) -> None:
    first = await queued(store)
    failure = Failure("oom", "needed more than 1536 MiB")
    for crash in range(1, MAX_CRASHES + 1):
        time.now += 1
        running = await claimed(store)
        assert running.attempt == crash
        ended = await store.crashed(running.claim, failure)
        assert ended is not None
        assert ended.crashes == crash
        assert ended.queued_at == first.queued_at
        assert (ended.state is JobState.QUARANTINED) == (crash == MAX_CRASHES)
        assert ended.error == (failure if crash == MAX_CRASHES else None)
        assert (ended.finished_at is None) == (crash < MAX_CRASHES)
    assert await store.claim("me", LEASE) == []


async def test_a_released_job_is_queued_without_penalty(store: JobStore) -> None:
    for _ in range(2):
        await queued(store)
    first, second = await store.claim("me", LEASE, 2)
    await store.cancel("local", second.id)
    (released,) = await store.release([first.claim, second.claim])
    assert (released.id, released.state, released.crashes, released.losses) == (
        first.id,
        JobState.QUEUED,
        0,
        0,
    )
    assert released.queued_at == first.queued_at
    assert (await claimed(store)).attempt == 2


Write = Callable[[JobStore, Claim], Awaitable[object]]
FENCED: dict[str, Write] = {
    "finish": lambda store, claim: store.finish(claim, Completion()),
    "fail": lambda store, claim: store.finish(claim, Completion(failure=Failure("corrupt", "no"))),
    "crash": lambda store, claim: store.crashed(claim, Failure("crash", "signal 11")),
    "release": lambda store, claim: store.release([claim]),
    "renew": lambda store, claim: store.renew({claim: 99}, LEASE),
}


@pytest.mark.parametrize("write", FENCED.values(), ids=FENCED.keys())
@pytest.mark.parametrize(
    "reason", ["finished", "cancelled", "rescued", "claimed by another", "attempt", "owner"]
)
async def test_a_write_without_the_claim_changes_nothing(
    store: JobStore, time: Time, write: Write, reason: str
) -> None:
    await queued(store)
    running = await claimed(store, "me")
    claim = running.claim
    if reason == "finished":
        await store.finish(claim, Completion((output(running),)))
    elif reason == "cancelled":
        await store.cancel("local", running.id)
    elif reason in ("rescued", "claimed by another"):
        time.now += LEASE + 1
        await store.rescue(10)
        if reason == "claimed by another":
            await claimed(store, "me")
    elif reason == "attempt":
        claim = replace(claim, attempt=2)
    else:
        claim = replace(claim, owner="you")
    before, events = await known(store, running), await kinds(store, running)
    assert not await write(store, claim)
    assert await known(store, running) == before
    assert await kinds(store, running) == events


async def test_one_of_two_ends_wins(store: JobStore) -> None:
    for _ in range(20):
        await queued(store)
    for running in await store.claim("me", LEASE, 20):
        finished, cancelled = await asyncio.gather(
            store.finish(running.claim, Completion((output(running),))), store.cancel("local", running.id)
        )
        assert cancelled is not None
        now = await known(store, running)
        assert now == (finished or cancelled)
        ends = [kind for kind in await kinds(store, running) if kind.terminal]
        assert ends == [EventKind.entered(now.state)]


# What a caller may do with a job


async def test_cancel_ends_whatever_has_not_ended(store: JobStore, time: Time) -> None:
    waiting = (await store.create(job(state=JobState.AWAITING_UPLOAD))).job
    await queued(store)
    running = await claimed(store)
    idle = await queued(store)
    time.now += 1
    for one in (waiting, running, idle):
        cancelled = await store.cancel("local", one.id)
        assert cancelled is not None
        assert (cancelled.state, cancelled.finished_at, cancelled.owner) == (JobState.CANCELLED, time(), None)
        assert await store.cancel("local", one.id) == cancelled
    assert await store.claim("me", LEASE) == []


async def test_cancel_leaves_a_finished_job_as_it_is(store: JobStore) -> None:
    await queued(store)
    running = await claimed(store)
    ended = await store.finish(running.claim, Completion((output(running),)))
    assert await store.cancel("local", running.id) == ended
    assert await store.cancel("local", new_id()) is None


async def test_retry_begins_a_new_life(store: JobStore, time: Time) -> None:
    await queued(store)
    for _ in range(MAX_CRASHES):
        running = await claimed(store)
        await store.crashed(running.claim, Failure("crash", "signal 11"))
    time.now += 9
    again = await store.retry("local", running.id)
    assert again is not None
    assert again == replace(
        running,
        state=JobState.QUEUED,
        crashes=0,
        owner=None,
        lease_until=None,
        started_at=None,
        queued_at=time(),
        updated_at=time(),
        sequence=again.sequence,
    )
    assert (await claimed(store)).attempt == MAX_CRASHES + 1


async def test_retry_forgets_former_outputs(store: JobStore) -> None:
    await queued(store)
    running = await claimed(store)
    made = output(running)
    await store.finish(running.claim, Completion((made,), failure=Failure("limit", "too many pixels", "big")))
    assert await store.known_keys([made.key]) == {made.key}
    again = await store.retry("local", running.id)
    assert again is not None
    assert (again.outputs, again.error, again.progress) == ((), None, 0)
    assert await store.known_keys([made.key]) == set()


async def test_only_what_ended_without_success_is_retried(store: JobStore) -> None:
    first = await queued(store)
    assert await store.retry("local", first.id) is None
    running = await claimed(store)
    assert await store.retry("local", first.id) is None
    await store.finish(running.claim, Completion())
    assert await store.retry("local", first.id) is None
    assert await store.retry("local", new_id()) is None
    assert (await known(store, first)).state is JobState.COMPLETED


async def test_a_deleted_job_leaves_only_the_news_of_it(store: JobStore, time: Time) -> None:
    first = await queued(store)
    running = await claimed(store)
    time.now += 1
    gone = await store.delete("local", first.id)
    assert gone == replace(running, updated_at=time(), sequence=gone.sequence if gone else 0)
    assert await store.get("local", first.id) is None
    assert await store.delete("local", first.id) is None
    (event,) = await store.events("local", None, 0, 10)
    assert event == Event("local", first.id, EventKind.DELETED, time(), gone.sequence if gone else 0, 1)
    assert await store.finish(running.claim, Completion((output(running),))) is None


async def test_the_news_of_a_deletion_is_forgotten_after_a_day(store: JobStore, time: Time) -> None:
    first, second = await queued(store), await queued(store)
    await store.delete("local", first.id)
    time.now += DAY + 1
    await store.delete("local", second.id)
    await store.expire_uploads(60, 10)
    assert [event.job_id for event in await store.events("local", None, 0, 10)] == [second.id]


async def test_expired_are_terminal_jobs_whose_time_has_come(store: JobStore, time: Time) -> None:
    soon, late = time() + 10, time() + 99
    due, waiting, forever, later = [await queued(store, expires_at=at) for at in (soon, soon, None, late)]
    for one in (due, forever, later):
        await store.cancel("local", one.id)
    assert await store.expired(10) == []
    time.now += 10
    assert [one.id for one in await store.expired(10)] == [due.id]
    await store.cancel("local", waiting.id)
    assert len(await store.expired(1)) == 1
    assert {one.id for one in await store.expired(10)} == {due.id, waiting.id}


# Events


async def test_every_change_appends_its_event_and_the_job_knows_it(store: JobStore, time: Time) -> None:
    steps = [(await store.create(job(state=JobState.AWAITING_UPLOAD))).job]
    job_id = steps[0].id

    def then(changed: Job | None) -> Job:
        assert changed is not None
        steps.append(changed)
        time.now += 1
        return changed

    then(await store.start("local", job_id, Source("upload", "inputs/local/x/y")))
    running = then(await claimed(store))
    then(await store.crashed(running.claim, Failure("crash", "signal 11")))
    running = then(await claimed(store))
    then((await store.release([running.claim]))[0])
    then(await claimed(store))
    time.now += LEASE
    then((await store.rescue(1))[0])
    then(await store.cancel("local", job_id))
    then(await store.retry("local", job_id))
    running = then(await claimed(store))
    then(await store.finish(running.claim, Completion((output(running),))))
    stored = await store.events("local", job_id, 0, 100)
    assert stored == [Event.of(step) for step in steps]
    assert [event.sequence for event in stored] == sorted({event.sequence for event in stored})
    assert await store.events("local", job_id, stored[3].sequence, 3) == stored[4:7]


async def test_a_tenants_events_are_those_of_all_its_jobs(store: JobStore) -> None:
    first, second = await queued(store), await queued(store)
    await queued(store, "other")
    await store.cancel("local", first.id)
    found = await store.events("local", None, 0, 100)
    assert [(event.job_id, event.kind) for event in found] == [
        (first.id, EventKind.QUEUED),
        (second.id, EventKind.QUEUED),
        (first.id, EventKind.CANCELLED),
    ]


async def test_a_sequence_is_never_used_twice(reopen: Open) -> None:
    store = await reopen()
    gone = await store.delete("local", (await queued(store)).id)
    await store.close()
    store = await reopen()
    try:
        assert gone is not None
        assert (await queued(store)).sequence > gone.sequence
    finally:
        await store.close()


# Lists


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


# Keys and assets


def asset(tenant: str, name: str, created_at: float = 1.0) -> Asset:
    return Asset(
        tenant, f"ast_{name}", asset_key(tenant, f"{name}0"), "png", "image/png", 5, "d" * 64, created_at
    )


async def test_known_keys_are_those_that_something_names(store: JobStore) -> None:
    await queued(store)
    running = await claimed(store)
    made = output(running)
    await store.finish(running.claim, Completion((made,)))
    kept = await store.put_asset(asset("local", "logo"))
    assert running.source.key is not None
    named = {running.source.key, made.key, kept.key}
    foreign = {
        input_key("local", running.id),
        input_key("other", running.id),
        made.key.replace("/1/", "/2/"),
        output_key("local", new_id(), 1, "thumb", "jpg"),
        asset_key("other", "logo0"),
        asset_key("local", "ast_logo"),
        "inputs/local",
        "somewhere/else",
        "",
    }
    assert await store.known_keys([*named, *foreign]) == named
    assert await store.known_keys([]) == set()
    await store.delete("local", running.id)
    await store.delete_asset("local", kept.id)
    assert await store.known_keys([*named]) == set()


async def test_an_asset_is_stored_once(store: JobStore) -> None:
    first = asset("local", "logo")
    assert await store.put_asset(first) == first
    assert await store.put_asset(replace(first, key="assets/local/elsewhere")) == first
    assert await store.get_asset("local", first.id) == first
    assert await store.get_asset("other", first.id) is None
    assert await store.delete_asset("other", first.id) is None
    assert await store.delete_asset("local", first.id) == first
    assert await store.delete_asset("local", first.id) is None
    assert await store.get_asset("local", first.id) is None


async def test_assets_are_listed_newest_first(store: JobStore) -> None:
    made = [await store.put_asset(asset("local", f"{i}", created_at=1.1 * (i // 2))) for i in range(5)]
    await store.put_asset(asset("other", "x"))
    first = await store.list_assets("local", 2, None)
    second = await store.list_assets("local", 2, first.cursor)
    third = await store.list_assets("local", 2, second.cursor)
    assert [*first.items, *second.items, *third.items] == [made[i] for i in (4, 3, 2, 1, 0)]
    assert third.cursor is None


# Together


async def test_a_refused_operation_does_not_hurt_those_beside_it(store: JobStore) -> None:
    taken = await queued(store)
    calls: list[Awaitable[Any]] = []
    for i in range(60):
        bad = job(id=taken.id) if i % 3 else job(priority=1 << 70)
        calls += [store.create(job()), store.create(bad)]
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
