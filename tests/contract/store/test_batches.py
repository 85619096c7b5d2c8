"""Batches: lines become jobs, jobs' ends are counted, and the last one's is the batch's."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.book import DAY, LEASE, Open, Time, claimed, job, kinds, output
from pixelflow.domain.batch import Batch, BatchState, Item, ItemState
from pixelflow.domain.errors import InvalidRequest, StateConflict
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import Completion, Failure, Job, JobState, Remote, Source, new_id
from pixelflow.domain.webhook import Endpoint, Secret
from pixelflow.ports.book import Book
from pixelflow.ports.store import IdempotencyKey, JobFilter
from pixelflow.ports.webhooks import DeliveryFilter

BROKEN = Failure("corrupt", "the file ends, in the middle")


def batch(lines: int = 3, max_in_flight: int = 100, tenant: str = "local", **facts: object) -> Batch:
    draft = replace(job(tenant), source=Source("url"), template="thumb@3", metadata={"a": 1, "b": 1})
    return Batch(tenant, new_id(), replace(draft, **facts), lines, 0, lines, max_in_flight, 0.0)


def items(lines: int) -> list[Item]:
    return [
        Item(number, Remote(f"https://example.org/{number}", {"cookie": "x"}), {"b": number})
        for number in range(1, lines + 1)
    ]


async def added(store: Book, lines: int = 3, max_in_flight: int = 100, tenant: str = "local") -> Batch:
    return await store.batches.add(batch(lines, max_in_flight, tenant), items(lines))


async def fed(store: Book, limit: int) -> Sequence[Job]:
    jobs = await store.batches.feed(limit)
    assert jobs is not None
    return jobs


async def now(store: Book, of: Batch) -> Batch:
    found = await store.batches.get(of.tenant, of.id)
    assert found is not None
    return found


async def finished(store: Book, failure: Failure | None = None) -> Job:
    running = await claimed(store)
    made = Completion(failure=failure) if failure else Completion((output(running),))
    ended = await store.finish(running.claim, made)
    assert ended is not None
    return ended


async def batch_events(store: Book, tenant: str = "local") -> list[Event]:
    return [
        each for each in await store.events(tenant, None, 0, 1000) if each.kind is EventKind.BATCH_COMPLETED
    ]


async def test_lines_become_jobs_once_and_keep_what_the_batch_says(store: Book, time: Time) -> None:
    time.now += 5
    made = await added(store)
    assert (made.created_at, made.accepted, made.progress) == (time.now, 3, 0)
    assert await now(store, made) == made
    jobs = await fed(store, 10)
    assert await store.batches.feed(10) is None
    assert [each.remote for each in jobs] == [item.remote for item in items(3)]
    assert [each.metadata for each in jobs] == [{"a": 1, "b": number} for number in (1, 2, 3)]
    for each in jobs:
        assert await store.get("local", each.id) == each
        assert (each.state, each.batch_id, each.template) == (JobState.QUEUED, made.id, "thumb@3")
    assert len({each.id for each in jobs}) == 3
    page = await store.list_jobs("local", JobFilter(batch_id=made.id), 2, None)
    rest = await store.list_jobs("local", JobFilter(batch_id=made.id), 2, page.cursor)
    listed = [each.id for each in (*page.items, *rest.items)]
    assert listed == sorted((each.id for each in jobs), reverse=True)
    assert (await store.list_jobs("local", JobFilter(JobState.FAILED, batch_id=made.id), 2, None)).items == []
    assert (await store.list_jobs("local", JobFilter(template="thumb", batch_id=made.id), 9, None)).items
    assert not (await store.list_jobs("local", JobFilter(template="t", batch_id=made.id), 9, None)).items


async def test_no_more_than_max_in_flight_at_once(store: Book) -> None:
    made = await added(store, 5, max_in_flight=2)
    assert len(await fed(store, 10)) == 2
    assert await store.batches.feed(10) is None
    await finished(store)
    assert len(await fed(store, 10)) == 1
    assert ((await now(store, made)).in_flight, (await now(store, made)).unfinished) == (2, 4)


async def test_batches_take_turns(store: Book, time: Time) -> None:
    first, second = await added(store, 4), await added(store, 4, tenant="other")
    turns = []
    for _ in range(4):
        time.now += 1
        turns.append((await fed(store, 2))[0].batch_id)
    assert sorted(turns[:2]) == sorted(turns[2:]) == sorted([first.id, second.id])


async def test_the_last_end_ends_the_batch_once(store: Book, time: Time) -> None:
    told: list[str] = []
    store.batches.on_news(lambda: told.append("news"))
    made = await added(store)
    jobs = await fed(store, 10)
    await finished(store)
    await finished(store, BROKEN)
    half = await now(store, made)
    assert (half.completed, half.failed, half.unfinished, half.progress) == (1, 1, 1, 66)
    assert half.finished_at is None
    assert await batch_events(store) == []
    time.now += 60
    told.clear()
    last = await finished(store)
    done = await now(store, made)
    assert (done.state, done.finished_at, done.progress) == (BatchState.COMPLETED, time.now, 100)
    [event] = await batch_events(store)
    assert (event.job_id, event.sequence, event.at) == (made.id, last.sequence + 1, time.now)
    assert f'"id":"{made.id}"' in (event.output or "")
    assert told
    assert [each for each, _ in await store.batches.ended(10)] == [event]
    assert await store.batches.ended(10) == []

    await store.retry("local", jobs[1].id)
    again = await now(store, made)
    assert (again.failed, again.in_flight, again.unfinished) == (0, 1, 1)
    await finished(store)
    assert (await now(store, made)).completed == 3
    assert len(await batch_events(store)) == 1
    assert await kinds(store, jobs[1]) != []


async def test_every_kind_of_end_is_counted(store: Book) -> None:
    made = await added(store, 4)
    jobs = await fed(store, 10)
    await store.cancel("local", jobs[0].id)
    await store.delete("local", jobs[1].id)
    for _ in range(3):
        running = await claimed(store)
        await store.crashed(running.claim, Failure("crash", "boom"))
        if running.id != jobs[2].id:
            await store.release([running.claim])
    while (await now(store, made)).quarantined == 0:
        running = await claimed(store)
        await store.crashed(running.claim, Failure("crash", "boom"))
    await finished(store, BROKEN)
    done = await now(store, made)
    assert (done.cancelled, done.quarantined, done.failed, done.unfinished) == (2, 1, 1, 0)
    wrong = await store.batches.items(
        "local", made.id, (ItemState.CANCELLED, ItemState.FAILED, ItemState.QUARANTINED), 0, 10
    )
    assert [each.number for each in wrong] == [1, 2, 3, 4]
    assert wrong[1].code == "deleted"
    assert {"crash", "corrupt"} <= {each.code for each in wrong}
    await store.delete("local", jobs[0].id)
    assert (await now(store, made)).cancelled == 2


async def test_a_lost_or_released_job_is_not_an_end(store: Book, time: Time) -> None:
    made = await added(store, 1)
    await store.batches.feed(10)
    running = await claimed(store)
    await store.release([running.claim])
    await claimed(store)
    time.now += LEASE + 1
    await store.rescue(10)
    assert ((await now(store, made)).in_flight, await batch_events(store)) == (1, [])


async def test_pause_and_resume(store: Book) -> None:
    made = await added(store, 5, max_in_flight=2)
    await store.batches.feed(10)
    paused = await store.batches.pause("local", made.id)
    assert paused is not None
    assert paused.state is BatchState.PAUSED
    assert await store.batches.pause("local", made.id) == paused
    await finished(store)
    assert await store.batches.feed(10) is None
    await store.batches.resume("local", made.id)
    assert len(await fed(store, 10)) == 1
    assert await store.batches.pause("local", new_id()) is None
    assert await store.batches.pause("other", made.id) is None


async def test_cancel_ends_what_has_no_job_and_names_what_has(store: Book) -> None:
    made = await added(store, 5, max_in_flight=2)
    jobs = await fed(store, 10)
    stopped = await store.batches.cancel("local", made.id)
    assert stopped is not None
    assert (stopped.state, stopped.cancelled, stopped.unfinished) == (BatchState.CANCELLED, 3, 2)
    assert await store.batches.feed(10) is None
    assert {each.id for each in await store.batches.stopping(10)} == {each.id for each in jobs}
    for each in jobs:
        await store.cancel("local", each.id)
    done = await now(store, made)
    assert (done.state, done.cancelled, done.finished_at is None) == (BatchState.CANCELLED, 5, False)
    assert len(await batch_events(store)) == 1
    assert await store.batches.stopping(10) == []
    assert await store.batches.cancel("local", made.id) == done
    with pytest.raises(StateConflict):
        await store.batches.resume("local", made.id)


async def test_a_cancelled_batch_runs_again_with_all_that_did_not_complete(store: Book) -> None:
    made = await added(store, 5, max_in_flight=3)
    jobs = await fed(store, 10)
    await finished(store)
    await finished(store, BROKEN)
    await store.batches.cancel("local", made.id)
    with pytest.raises(StateConflict, match="not stopped yet"):
        await store.batches.retry("local", made.id)
    await store.cancel("local", jobs[2].id)
    ended = await now(store, made)
    assert (ended.completed, ended.failed, ended.cancelled) == (1, 1, 3)
    again = await store.batches.retry("local", made.id)
    assert again is not None
    assert (again.state, again.finished_at) == (BatchState.RUNNING, None)
    assert (again.completed, again.failed, again.cancelled, again.unfinished) == (1, 0, 0, 4)
    fresh = [*await fed(store, 10)]
    for _ in fresh:
        await finished(store)
    fresh += await fed(store, 10)
    await finished(store)
    urls = [each.remote.url[-1] for each in fresh if each.remote]
    assert sorted(urls) == ["2", "3", "4", "5"]
    done = await now(store, made)
    assert (done.state, done.completed, done.unfinished) == (BatchState.COMPLETED, 5, 0)
    assert len(await batch_events(store)) == 2


async def test_a_key_runs_failures_again_once(store: Book) -> None:
    made = await added(store, 1)
    await fed(store, 10)
    await finished(store, BROKEN)
    key = IdempotencyKey("again", "f")
    again = await store.batches.retry("local", made.id, key)
    await fed(store, 10)
    await finished(store, BROKEN)
    ended = await store.batches.retry("local", made.id, key)
    assert again is not None
    assert ended is not None
    assert (again.unfinished, ended.unfinished, ended.failed) == (1, 0, 1)
    with pytest.raises(InvalidRequest):
        await store.batches.retry("local", made.id, IdempotencyKey("again", "another"))


async def test_cancel_before_the_first_job_is_the_end(store: Book) -> None:
    made = await added(store)
    stopped = await store.batches.cancel("local", made.id)
    assert stopped is not None
    assert stopped.finished_at is not None
    assert len(await batch_events(store)) == 1


async def test_failures_run_again_as_new_jobs_and_the_end_is_told_again(store: Book) -> None:
    made = await added(store, 2)
    first = await fed(store, 10)
    with pytest.raises(StateConflict):
        await store.batches.retry("local", made.id)
    await finished(store)
    failed = await finished(store, BROKEN)
    again = await store.batches.retry("local", made.id)
    assert again is not None
    assert (again.state, again.failed, again.unfinished, again.finished_at) == (
        BatchState.RUNNING,
        0,
        1,
        None,
    )
    [fresh] = await fed(store, 10)
    assert fresh.id not in {each.id for each in first}
    assert fresh.remote == failed.remote
    await store.retry("local", failed.id)
    assert (await now(store, made)).in_flight == 1
    await finished(store)
    await finished(store)
    assert (await now(store, made)).completed == 2
    assert len(await batch_events(store)) == 2
    with pytest.raises(StateConflict):
        await store.batches.cancel("local", made.id)


async def test_a_batch_that_has_ended_can_go_and_its_jobs_stay(store: Book) -> None:
    made = await added(store, 1)
    [one] = await fed(store, 10)
    with pytest.raises(StateConflict):
        await store.batches.delete("local", made.id)
    await finished(store, BROKEN)
    assert not await store.batches.delete("other", made.id)
    assert await store.batches.delete("local", made.id)
    assert not await store.batches.delete("local", made.id)
    assert await store.batches.get("local", made.id) is None
    assert await store.batches.items("local", made.id, tuple(ItemState), 0, 10) == []
    await store.retry("local", one.id)
    await finished(store)
    assert await batch_events(store) == []


async def test_batches_that_ended_long_ago_are_forgotten(store: Book, time: Time) -> None:
    old = await added(store, 1)
    await fed(store, 10)
    await finished(store)
    time.now += DAY
    running, young = await added(store, 1), await added(store, 1, tenant="other")
    await store.batches.cancel("other", young.id, "ada")
    assert await store.batches.forget(DAY / 2, 10) == 1
    assert await store.batches.forget(DAY / 2, 10) == 0
    assert await store.batches.get("local", old.id) is None
    assert await batch_events(store) == []
    assert (await now(store, running), (await now(store, young)).id) == (running, young.id)
    lines = [(line.actor, line.action) for line in (await store.audit.page("local", 10)).items]
    assert lines == [("keeper", "batch.deleted")]
    lines = [(line.actor, line.action) for line in (await store.audit.page("other", 10)).items]
    assert lines == [("ada", "batch.cancelled")]


async def test_the_end_goes_to_the_endpoints_that_ask_for_it(store: Book) -> None:
    asking = Endpoint("local", "ep_1", "https://a.example/", ("batch.completed",), (Secret("whsec_eA=="),))
    await store.webhooks.add(asking, 10)
    made = await added(store, 2)
    await fed(store, 10)
    await finished(store)
    assert (await store.webhooks.deliveries("local", DeliveryFilter(), 10, None)).items == []
    await finished(store)
    [delivery] = (await store.webhooks.deliveries("local", DeliveryFilter(), 10, None)).items
    told = await store.webhooks.delivery("local", delivery.id)
    assert told is not None
    assert (told[1].kind, told[1].batch_id, told[1].data["status"]) == (
        "batch.completed",
        made.id,
        "completed",
    )


async def test_seconds_from_the_creation_count_for_each_job(store: Book, time: Time) -> None:
    made = batch(1, created_at=100.0, expires_at=100.0 + DAY)
    await store.batches.add(made, items(1))
    time.now += 7 * DAY
    [one] = await fed(store, 10)
    assert one.expires_at == time.now + DAY


async def test_refused_lines_are_kept_with_their_reasons(store: Book) -> None:
    lines = [*items(2), Item(7, None, {}, ItemState.REFUSED, "invalid", "größer ☃")]
    await store.batches.add(replace(batch(3), refused=1, unfinished=2), lines)
    assert len(await fed(store, 10)) == 2


async def test_batches_are_listed_newest_first_and_survive_a_restart(reopen: Open) -> None:
    store = await reopen()
    made = [await added(store) for _ in range(3)]
    await added(store, tenant="other")
    page = await store.batches.list("local", 2, None)
    rest = await store.batches.list("local", 2, page.cursor)
    listed = [each.id for each in (*page.items, *rest.items)]
    assert listed == sorted((each.id for each in made), reverse=True)
    jobs = await fed(store, 2)
    await store.close()
    store = await reopen()
    numbers = [each.metadata["b"] for each in jobs]
    while more := await store.batches.feed(2):
        numbers += [each.metadata["b"] for each in more]
    assert sorted(numbers) == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]
    await store.close()


async def test_the_same_request_makes_one_batch(store: Book) -> None:
    key = IdempotencyKey("key", "print")
    first = await store.batches.add(batch(), items(3), key)
    assert await store.batches.add(batch(), items(3), key) == first
    assert (await store.batches.list("local", 10, None)).items == [first]
    with pytest.raises(InvalidRequest):
        await store.batches.add(batch(), items(3), IdempotencyKey("key", "other"))


async def test_a_batch_is_made_whole_or_not_at_all(store: Book) -> None:
    twice = [*items(2), items(1)[0]]
    with pytest.raises(ValueError, match="refuses"):
        await store.batches.add(batch(3), twice)
    assert (await store.batches.list("local", 10, None)).items == []
    assert await store.batches.feed(10) is None


async def test_a_tenant_without_room_holds_up_nobody(store: Book, time: Time) -> None:
    full, free = await added(store, 3), await added(store, 3, tenant="other")
    await store.tenants.put("local", 1.0, {"jobs_per_day": 1})
    made = []
    for _ in range(4):
        time.now += 1
        made += [each.batch_id for each in await store.batches.feed(2) or ()]
    assert sorted(made) == sorted([full.id, *[free.id] * 3])
    assert ((await now(store, full)).in_flight, (await now(store, full)).unfinished) == (1, 3)
