"""What ends or is forgotten when its time has come."""

import pytest

from harness.book import DAY, Time, claimed, job, known, output, queued
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Completion, Job, JobState
from pixelflow.domain.keep import Gone, Keep
from pixelflow.ports.book import Book
from pixelflow.ports.store import JobStore


async def completed(store: JobStore, keep: Keep | None = None, **facts: object) -> Job:
    await queued(store, keep=keep, **facts)
    running = await claimed(store)
    ended = await store.finish(running.claim, Completion((output(running),), keys={"thumb": b"k" * 16}))
    assert ended is not None
    return ended


async def test_a_record_goes_once_the_job_has_ended_and_its_time_has_come(store: Book, time: Time) -> None:
    soon, late = time() + 10, time() + 99
    due, waiting, forever, later = [await queued(store, expires_at=at) for at in (soon, soon, None, late)]
    for one in (due, forever, later):
        await store.cancel("local", one.id)
    assert (await store.due(10), await store.sweep(10)) == ([], [])
    time.now += 10
    assert [one.id for one in await store.due(10)] == [due.id]
    (swept,) = await store.sweep(10)
    assert (swept.job.id, swept.deleted, swept.keys) == (due.id, True, [due.source.key])
    assert await store.get("local", due.id) is None
    await store.cancel("local", waiting.id)
    assert [each.job.id for each in await store.sweep(10)] == [waiting.id]
    assert (await known(store, later)).state is JobState.CANCELLED


async def test_a_sweep_takes_so_many_at_once_the_oldest_due_first(store: Book, time: Time) -> None:
    late, early = [await queued(store, expires_at=time() + seconds) for seconds in (20, 10)]
    for one in (late, early):
        await store.cancel("local", one.id)
    time.now += 30
    assert [each.job.id for each in await store.sweep(1)] == [early.id]
    assert [each.job.id for each in await store.sweep(1)] == [late.id]
    assert await store.sweep(1) == []


async def test_source_outputs_and_record_each_go_at_their_time(store: Book, time: Time) -> None:
    made = await completed(store, Keep(source=10, outputs=20, record=30))
    (thumb,) = made.outputs

    time.now += 10
    (swept,) = await store.sweep(10)
    assert (swept.parts, swept.keys, swept.bytes) == (["source"], [made.source.key], 10)
    now = await known(store, made)
    assert (now.source.key, now.source.sha256, now.gone) == (None, made.source.sha256, Gone(time.now))
    assert now.outputs == made.outputs
    assert await store.known_keys([str(made.source.key), thumb.key]) == {thumb.key}
    assert await store.sweep(10) == []

    time.now += 10
    (swept,) = await store.sweep(10)
    assert (swept.parts, swept.keys, swept.bytes) == (["outputs"], [thumb.key], thumb.bytes)
    now = await known(store, made)
    assert (now.outputs[0].key, now.outputs[0].sha256) == ("", thumb.sha256)
    assert now.gone == Gone(time.now - 10, time.now)
    assert await store.recall("local", [b"k" * 16]) == {}
    assert (now.state, now.sequence) == (JobState.COMPLETED, made.sequence)

    time.now += 10
    (swept,) = await store.sweep(10)
    assert (swept.deleted, swept.keys) == (True, [])
    assert await store.get("local", made.id) is None
    (news,) = await store.events("local", made.id, 0, 10)
    assert news.kind is EventKind.DELETED
    (line,) = (await store.audit.page("local", 10)).items
    assert (line.actor, line.action, line.subject) == ("keeper", "job.deleted", made.id)


async def test_a_sweep_that_comes_late_takes_all_that_is_due(store: Book, time: Time) -> None:
    made = await completed(store, Keep(source=10, outputs=20))
    time.now += 25
    (swept,) = await store.sweep(10)
    assert (swept.parts, swept.keys) == (["source", "outputs"], list(made.keys))
    assert (await known(store, made)).sweep_at is None


async def test_what_is_kept_for_no_time_goes_at_once(store: Book) -> None:
    made = await completed(store, Keep(source=0))
    assert [each.keys for each in await store.sweep(10)] == [[made.source.key]]


async def test_nothing_goes_before_the_end(store: Book, time: Time) -> None:
    one = await queued(store, keep=Keep(source=0, record=0))
    await claimed(store)
    time.now += DAY
    assert await store.sweep(10) == []
    await store.cancel("local", one.id)
    assert len(await store.sweep(10)) == 1


async def test_a_hold_stops_the_sweep(store: Book, time: Time) -> None:
    held = await queued(store, keep=Keep(record=0), expires_at=time() + 1, hold=True)
    await store.cancel("local", held.id)
    time.now += DAY
    assert (await store.due(10), await store.sweep(10)) == ([], [])
    assert (await known(store, held)).source == held.source


async def test_a_job_that_was_tried_again_is_kept_from_its_new_end_on(store: Book, time: Time) -> None:
    one = await queued(store, keep=Keep(source=10))
    await store.cancel("local", one.id)
    time.now += 9
    assert await store.retry("local", one.id)
    time.now += 9
    assert await store.sweep(10) == []
    await store.cancel("local", one.id)
    time.now += 9
    assert await store.sweep(10) == []
    time.now += 1
    assert len(await store.sweep(10)) == 1


async def test_without_its_source_a_job_is_not_tried_again(store: Book, time: Time) -> None:
    one = await queued(store, keep=Keep(source=0))
    await store.cancel("local", one.id)
    await store.sweep(10)
    assert await store.retry("local", one.id) is None
    assert (await known(store, one)).state is JobState.CANCELLED


@pytest.mark.parametrize("at_once", [1, 3, 10])
async def test_two_sweeps_share_the_work(store: Book, at_once: int) -> None:
    made = [await completed(store, Keep(outputs=0)) for _ in range(5)]
    found: list[str] = []
    while len(found) < len(made):
        one, other = await store.sweep(at_once), await store.sweep(at_once)
        found += [each.job.id for each in (*one, *other)]
    assert sorted(found) == sorted(each.id for each in made)


async def test_an_upload_that_never_came_ends_its_job(store: Book, time: Time) -> None:
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


async def test_the_news_of_a_deletion_is_forgotten_after_a_day(store: Book, time: Time) -> None:
    first, second = await queued(store), await queued(store)
    await store.delete("local", first.id)
    time.now += DAY + 1
    await store.delete("local", second.id)
    await store.expire_uploads(60, 10)
    assert [event.job_id for event in await store.events("local", None, 0, 10)] == [second.id]
