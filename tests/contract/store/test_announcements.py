"""Outputs that are noted before their job ends."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from harness.book import LEASE, Time, claimed, known, output, queued
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import Completion, Failure, Job, JobState, Output
from pixelflow.ports.store import JobStore


async def announced(store: JobStore, running: Job, *outputs: Output) -> Job:
    noted = await store.announce(running.claim, outputs)
    assert noted is not None
    return noted


async def test_outputs_are_in_the_record_with_the_time_and_an_event_each(store: JobStore, time: Time) -> None:
    await queued(store)
    running = await claimed(store)
    time.now += 1
    first = await announced(store, running, output(running, "one"), output(running, "two"))
    noted = tuple(replace(output(running, step), ready_at=time()) for step in ("one", "two"))
    assert first == replace(running, outputs=noted, updated_at=time(), sequence=running.sequence + 2)
    time.now += 1
    second = await announced(store, running, *first.outputs, output(running, "three"))
    assert [one.ready_at for one in second.outputs] == [time() - 1, time() - 1, time()]
    assert await known(store, running) == second
    events = await store.events("local", running.id, running.sequence, 10)
    assert events == [*Event.ready(first, first.outputs), *Event.ready(second, second.outputs[2:])]
    assert [(event.kind, event.output) for event in events] == [
        (EventKind.OUTPUT_READY, step) for step in ("one", "two", "three")
    ]


async def test_the_end_has_a_younger_event(store: JobStore) -> None:
    await queued(store)
    running = await claimed(store)
    noted = await announced(store, running, output(running))
    ended = await store.finish(running.claim, Completion(noted.outputs))
    assert ended is not None
    assert (ended.outputs, ended.sequence) == (noted.outputs, noted.sequence + 1)


Loss = Callable[[JobStore, Job, Time], Awaitable[object]]


async def rescued(store: JobStore, _: Job, time: Time) -> None:
    time.now += LEASE + 1
    await store.rescue(10)


LOSSES: dict[str, Loss] = {
    "failed": lambda store, job, _: store.finish(job.claim, Completion(failure=Failure("corrupt", "no"))),
    "crashed": lambda store, job, _: store.crashed(job.claim, Failure("crash", "signal 11")),
    "released": lambda store, job, _: store.release([job.claim]),
    "cancelled": lambda store, job, _: store.cancel(job.tenant, job.id),
    "rescued": rescued,
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
async def test_they_go_with_their_attempt(store: JobStore, time: Time, loss: Loss) -> None:
    await queued(store)
    running = await claimed(store)
    noted = await announced(store, running, output(running))
    assert await store.known_keys([noted.outputs[0].key])
    await loss(store, running, time)
    now = await known(store, running)
    assert now.state is not JobState.PROCESSING
    assert now.outputs == ()
    assert not await store.known_keys([noted.outputs[0].key])


async def test_a_deleted_job_tells_of_them_so_that_their_files_can_go(store: JobStore) -> None:
    await queued(store)
    running = await claimed(store)
    noted = await announced(store, running, output(running))
    gone = await store.delete("local", running.id)
    assert gone is not None
    assert gone.outputs == noted.outputs
