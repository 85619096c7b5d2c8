"""What ends or is forgotten when its time has come."""

from harness.book import DAY, Time, job, known, queued
from pixelflow.domain.job import JobState
from pixelflow.ports.store import JobStore


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


async def test_the_news_of_a_deletion_is_forgotten_after_a_day(store: JobStore, time: Time) -> None:
    first, second = await queued(store), await queued(store)
    await store.delete("local", first.id)
    time.now += DAY + 1
    await store.delete("local", second.id)
    await store.expire_uploads(60, 10)
    assert [event.job_id for event in await store.events("local", None, 0, 10)] == [second.id]
