"""Outputs of completed jobs are found again by what they were made of."""

from dataclasses import replace

import pytest

from harness.book import LEASE, Open, Time, claimed, output, queued
from pixelflow.domain.job import Completion, Failure, Job, Source
from pixelflow.ports.store import JobStore

THUMB, FACTS = b"t" * 16, b"f" * 16


async def completed(store: JobStore, keys: dict[str, bytes], tenant: str = "local", **facts: object) -> Job:
    await queued(store, tenant, **facts)
    running = await claimed(store)
    outputs = [output(running, step) for step in keys]
    found = {"source_format": "png", "source_width": 640, "source_height": 480}
    ended = await store.finish(running.claim, Completion(outputs, keys=keys, **found))
    assert ended is not None
    return ended


async def test_an_output_is_recalled_with_what_was_found_of_the_source(store: JobStore) -> None:
    assert await store.recall("local", [THUMB]) == {}
    job = await completed(store, {"thumb": THUMB, "facts": FACTS})
    found = await store.recall("local", [FACTS, b"?" * 16, THUMB])
    assert {key: one.output for key, one in found.items()} == {
        THUMB: output(job, "thumb"),
        FACTS: output(job, "facts"),
    }
    assert found[THUMB].source == replace(job.source, format="png", width=640, height=480)


async def test_nobody_recalls_what_another_tenant_made(store: JobStore) -> None:
    await completed(store, {"thumb": THUMB}, "anna")
    assert await store.recall("bert", [THUMB]) == {}
    assert THUMB in await store.recall("anna", [THUMB])


async def test_the_newest_of_several_is_recalled_and_each_goes_with_its_job(
    store: JobStore, time: Time
) -> None:
    older = await completed(store, {"thumb": THUMB})
    newer = await completed(store, {"small": THUMB})
    found = await store.recall("local", [THUMB])
    assert found[THUMB].output == output(newer, "small")
    await store.delete("local", newer.id)
    found = await store.recall("local", [THUMB])
    assert found[THUMB].output == output(older, "thumb")
    await store.delete("local", older.id)
    assert await store.recall("local", [THUMB]) == {}


async def test_two_equal_steps_of_a_job_are_one_entry(store: JobStore) -> None:
    job = await completed(store, {"one": THUMB, "two": THUMB})
    found = await store.recall("local", [THUMB])
    assert found[THUMB].output in (output(job, "one"), output(job, "two"))


@pytest.mark.parametrize("end", ["failed", "lost", "crashed"])
async def test_only_a_completed_job_is_recalled(store: JobStore, time: Time, end: str) -> None:
    await queued(store)
    running = await claimed(store)
    completion = Completion([output(running)], keys={"thumb": THUMB})
    if end == "failed":
        completion = Completion(failure=Failure("corrupt", "no"))
    elif end == "lost":
        time.now += LEASE + 1
        await store.rescue(10)
    else:
        await store.crashed(running.claim, Failure("crash", "signal 11"))
    await store.finish(running.claim, completion)
    assert await store.recall("local", [THUMB]) == {}


async def test_entries_survive_a_restart(reopen: Open) -> None:
    store = await reopen()
    await completed(store, {"thumb": THUMB}, source=Source("upload", "inputs/local/x/y", 1, "a" * 64))
    await store.close()
    again = await reopen()
    assert THUMB in await again.recall("local", [THUMB])
    await again.close()
