"""How an attempt ends, and that only its owner ends it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from harness.book import LEASE, Time, claimed, kinds, known, output, queued
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import (
    MAX_CRASHES,
    Claim,
    Completion,
    Failure,
    JobState,
    Output,
    SkippedOutput,
    Source,
)
from pixelflow.ports.store import JobStore


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
        pixels=640 * 480,
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
    assert MAX_CRASHES == 3
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
    "announce": lambda store, claim: store.announce(claim, []),
    "fetched": lambda store, claim: store.fetched(claim, Source("url", "inputs/x/y/z", 1, "f" * 64)),
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
