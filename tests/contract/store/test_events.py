"""Every change is told, in order."""

from harness.book import LEASE, Open, Time, claimed, job, output, queued
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import Completion, Failure, Job, JobState, Source
from pixelflow.ports.store import JobStore


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
