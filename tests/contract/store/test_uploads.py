"""A job that waits for its picture."""

from harness.book import Time, job, kinds, known
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import JobState, Source, new_id
from pixelflow.domain.keys import input_key
from pixelflow.ports.store import JobStore


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
