"""What a caller may do with a job."""

from dataclasses import replace

from harness.book import LEASE, Time, claimed, job, known, output, queued
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import MAX_CRASHES, Completion, Failure, JobState, new_id
from pixelflow.ports.store import JobStore


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
