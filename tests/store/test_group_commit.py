"""Writes that arrive together share a commit, and nothing else."""

import asyncio
from collections.abc import Awaitable

import pytest

from harness.book import job
from pixelflow.adapters.store import statements
from pixelflow.adapters.store.sqlite import SqliteStore
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.adapters.store.writer import MAX_BATCH
from pixelflow.domain.job import Completion, JobState


def started(*calls: Awaitable[object]) -> list["asyncio.Future[object]"]:
    return [asyncio.ensure_future(call) for call in calls]


async def test_writes_that_arrive_together_share_one_commit(store: SqliteStore) -> None:
    await asyncio.gather(*(store.create(job()) for _ in range(MAX_BATCH)))
    assert (store.writer.operations, store.writer.commits) == (MAX_BATCH, 1)


async def test_what_arrives_during_a_commit_shares_the_next(store: SqliteStore) -> None:
    async def one_after_another() -> None:
        for _ in range(10):
            await store.create(job())

    await asyncio.gather(*(one_after_another() for _ in range(50)))
    assert store.writer.operations == 500
    assert store.writer.commits <= 50


async def test_a_batch_is_bounded(store: SqliteStore) -> None:
    await asyncio.gather(*(store.create(job()) for _ in range(2 * MAX_BATCH + 1)))
    assert store.writer.commits == 3


async def test_a_lone_write_waits_for_nobody(store: SqliteStore) -> None:
    before = store.writer.commits
    for _ in range(5):
        await store.create(job())
    assert store.writer.commits - before == 5


async def test_an_operation_that_fails_after_it_wrote_is_undone_alone(store: SqliteStore) -> None:
    first = (await store.create(job())).job

    def half_done(tx: Transaction) -> None:
        tx.change(statements.CANCEL, {"tenant": first.tenant, "id": first.id}, first.state)
        raise RuntimeError("half done")

    before = store.writer.commits
    good = started(*(store.create(job()) for _ in range(10)))
    bad = started(store.writer.run(half_done), store.writer.run(half_done))
    good += started(*(store.create(job()) for _ in range(10)))
    answers = await asyncio.gather(*good, *bad, return_exceptions=True)
    assert [type(answer).__name__ for answer in answers] == ["Created"] * 20 + ["RuntimeError"] * 2
    assert store.writer.commits - before == 1
    assert await store.get("local", first.id) == first
    events = await store.events("local", None, 0, 100)
    assert [event.sequence for event in events] == list(range(1, 22))
    assert (await store.depth()).by_state[JobState.QUEUED] == 21


async def test_what_nobody_waits_for_any_more_is_not_done(store: SqliteStore) -> None:
    await store.create(job())
    given_up, waited_for = started(store.claim("gone", 30), store.create(job()))
    await asyncio.sleep(0)  # both are handed in
    given_up.cancel()
    await waited_for
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert (await store.depth()).by_state[JobState.PROCESSING] == 0


async def test_a_claim_whose_caller_went_away_during_the_commit_is_given_back(store: SqliteStore) -> None:
    first = (await store.create(job())).job
    (claiming,) = started(store.claim("gone", 30))
    await asyncio.sleep(0)  # it is handed in
    await asyncio.sleep(0)  # its statements have run
    claiming.cancel()
    await asyncio.wait([claiming])
    await store.check()
    found = await store.get("local", first.id)
    assert found is not None
    assert (found.state, found.attempt, found.losses) == (JobState.QUEUED, 1, 0)


async def test_a_claim_whose_caller_goes_away_as_it_is_answered_is_given_back(store: SqliteStore) -> None:
    first = (await store.create(job())).job

    async def cancel_the_claim() -> None:
        await store.create(job())
        claiming.cancel()  # it was answered with this write, and has not run since

    _, claiming = started(cancel_the_claim(), store.claim("gone", 30))
    await asyncio.wait([claiming])
    assert claiming.cancelled()
    await store.check()
    found = await store.get("local", first.id)
    assert found is not None
    assert (found.state, found.attempt, found.losses) == (JobState.QUEUED, 1, 0)


async def test_closing_finishes_what_was_handed_in(store: SqliteStore) -> None:
    calls = started(*(store.create(job()) for _ in range(MAX_BATCH + 10)))
    await asyncio.sleep(0)
    await store.writer.close()
    assert len({repr(answer) for answer in await asyncio.gather(*calls)}) == MAX_BATCH + 10


async def test_a_lookup_answers_at_once_also_beside_a_write(store: SqliteStore) -> None:
    first = (await store.create(job())).job
    (writing,) = started(store.cancel("local", first.id))
    await asyncio.sleep(0)
    lookup = store.get("local", first.id)
    with pytest.raises(StopIteration) as answered:
        lookup.send(None)
    assert answered.value.value == first
    assert await writing == await store.get("local", first.id)


async def test_a_job_from_before_the_counters_ends_like_any_other(store: SqliteStore) -> None:
    first = (await store.create(job())).job
    await store.writer.run(lambda tx: tx.count("DROP TRIGGER used_again", {}))
    await store.writer.run(lambda tx: tx.count("UPDATE job SET charged_on = NULL", {}))
    (running,) = await store.claim("worker", 30)
    ended = await store.finish(running.claim, Completion(spent={"decode": 0.1}))
    assert ended is not None
    assert (ended.id, ended.state) == (first.id, JobState.COMPLETED)
