"""Limits of tenants, and what their jobs are charged."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from harness.book import DAY, LEASE, Time, claimed, job, output, queued
from harness.drift import drift
from pixelflow.domain.asset import Asset
from pixelflow.domain.errors import Busy
from pixelflow.domain.job import Completion, Failure, Job, JobState, Remote, Source
from pixelflow.domain.tenant import DayUsage, Foreseen
from pixelflow.ports.book import Book
from pixelflow.ports.store import IdempotencyKey

SMALL = Foreseen(0.5, 1_000)


async def today(store: Book, tenant: str = "local") -> DayUsage:
    """The only day that has any usage."""
    days = await store.tenants.usage(tenant, "2000-01-01", "2100-01-01")
    assert len(days) <= 1
    return days[0] if days else DayUsage("never")


def counts(day: DayUsage) -> tuple[int, int, int, float]:
    return day.jobs, day.bytes, day.pixels, round(day.cpu_seconds, 6)


async def limited(store: Book, **limits: float | None) -> None:
    await store.tenants.put("local", 1.0, limits)


async def asked(store: Book, **facts: Any) -> Job:
    return await queued(store, **{"cost": 0.5, "pixels": 1_000, **facts})


async def refused(call: Awaitable[object]) -> Busy:
    with pytest.raises(Busy) as found:
        await call
    return found.value


class TestCharges:
    async def test_a_job_is_charged_as_it_is_created(self, store: Book) -> None:
        await asked(store)
        await asked(store)
        assert counts(await today(store)) == (2, 20, 2_000, 1.0)
        assert counts(await today(store, "other")) == (0, 0, 0, 0)

    async def test_at_its_end_for_what_it_took(self, store: Book) -> None:
        await asked(store)
        running = await claimed(store)
        done = Completion(
            [output(running)],
            source_width=30,
            source_height=20,
            spent={"decode": 0.25, "resize": 0.125, "encode": 0.5},
        )
        await store.finish(running.claim, done)
        day = await today(store)
        assert counts(day) == (1, 10, 600, 0.875)
        assert {each.operation: (each.jobs, each.cpu_seconds) for each in day.operations} == {
            "decode": (1, 0.25),
            "encode": (1, 0.5),
            "resize": (1, 0.125),
        }

    async def test_phases_add_up_over_jobs_and_transactions(self, store: Book) -> None:
        for _ in range(4):
            await asked(store)
        jobs = await store.claim("me", LEASE, 4)
        ends = [store.finish(one.claim, Completion(spent={"decode": 0.25})) for one in jobs[:3]]
        await asyncio.gather(*ends)
        await store.finish(jobs[3].claim, Completion(spent={"decode": 0.25, "encode": 1.0}))
        parts = {each.operation: (each.jobs, each.cpu_seconds) for each in (await today(store)).operations}
        assert parts == {"decode": (4, 1.0), "encode": (1, 1.0)}

    async def test_a_failure_keeps_the_prediction_unless_nothing_was_done(self, store: Book) -> None:
        for spent in (None, {}):
            await asked(store)
            running = await claimed(store)
            await store.finish(running.claim, Completion(failure=Failure("corrupt", "no"), spent=spent))
        assert counts(await today(store)) == (2, 20, 2_000, 0.5)

    async def test_a_picture_that_never_came_has_no_pixels(self, store: Book) -> None:
        await asked(store, source=Source("url"), remote=Remote("https://pictures.example/a.png"))
        running = await claimed(store)
        failure = Completion(failure=Failure("source_not_found", "no"), spent={})
        await store.finish(running.claim, failure)
        assert counts(await today(store)) == (1, 0, 0, 0)

    @pytest.mark.parametrize("end", ["cancel", "delete"])
    async def test_what_ends_before_any_work_is_given_back(self, store: Book, end: str) -> None:
        one = await asked(store)
        await getattr(store, end)("local", one.id)
        assert counts(await today(store)) == (0, 0, 0, 0)
        assert (await store.tenants.get("local")).queued_jobs == 0

    @pytest.mark.parametrize("end", ["cancel", "delete"])
    async def test_what_was_begun_stays_charged(self, store: Book, end: str) -> None:
        one = await asked(store)
        await claimed(store)
        await getattr(store, end)("local", one.id)
        assert counts(await today(store)) == (1, 10, 1_000, 0.5)

    async def test_deleting_a_finished_job_gives_nothing_back(self, store: Book) -> None:
        one = await asked(store)
        await store.finish((await claimed(store)).claim, Completion(spent={"decode": 2.0}))
        await store.delete("local", one.id)
        assert counts(await today(store)) == (1, 10, 1_000, 2.0)

    async def test_an_upload_that_never_comes_is_given_back(self, store: Book, time: Time) -> None:
        await store.create(job(state=JobState.AWAITING_UPLOAD, source=Source("upload")))
        assert counts(await today(store)) == (1, 0, 0, 0)
        time.now += 1000
        await store.expire_uploads(100, 10)
        assert counts(await today(store)) == (0, 0, 0, 0)

    async def test_an_upload_is_charged_once_it_is_there_and_the_last_one_only(self, store: Book) -> None:
        waiting = (await store.create(job(state=JobState.AWAITING_UPLOAD, source=Source("upload")))).job
        await store.attach("local", waiting.id, Source("upload", "inputs/a", 700), Foreseen(7.0, 70))
        second = Source("upload", "inputs/b", 300)
        await store.attach("local", waiting.id, second, Foreseen(3.0, 30))
        assert counts(await today(store)) == (1, 300, 30, 3.0)
        started = await store.start("local", waiting.id, second)
        assert counts(await today(store)) == (1, 300, 30, 3.0)
        assert started is not None
        assert started.cost == 3.0
        assert (await store.tenants.get("local")).queued_cpu_seconds == 3.0

    async def test_a_retry_is_charged_as_another_job_on_its_own_day(self, store: Book, time: Time) -> None:
        one = await asked(store)
        running = await claimed(store)
        await store.finish(
            running.claim, Completion(failure=Failure("corrupt", "no"), spent={"decode": 0.25})
        )
        time.now += DAY
        await store.retry("local", one.id)
        await store.finish((await claimed(store)).claim, Completion(spent={"decode": 0.75}))
        days = await store.tenants.usage("local", "2000-01-01", "2100-01-01")
        assert [counts(day) for day in days] == [(1, 10, 1_000, 0.25), (1, 10, 1_000, 0.75)]

    async def test_a_job_over_midnight_belongs_to_the_day_it_was_made(self, store: Book, time: Time) -> None:
        await asked(store)
        time.now += DAY
        await store.finish((await claimed(store)).claim, Completion(spent={"decode": 0.25}))
        assert counts(await today(store)) == (1, 10, 1_000, 0.25)

    async def test_a_lost_or_crashed_attempt_is_not_charged_again(self, store: Book, time: Time) -> None:
        await asked(store)
        await store.crashed((await claimed(store)).claim, Failure("crash", "signal 11"))
        await claimed(store)
        time.now += LEASE + 1
        await store.rescue(10)
        await store.release([(await claimed(store)).claim])
        assert counts(await today(store)) == (1, 10, 1_000, 0.5)
        assert (await store.tenants.get("local")).queued_jobs == 1

    async def test_an_idempotency_key_is_charged_once(self, store: Book) -> None:
        key = IdempotencyKey("k", "f")
        for _ in range(3):
            await store.create(job(cost=0.5, pixels=1), key)
        assert counts(await today(store)) == (1, 10, 1, 0.5)


class TestStored:
    async def test_bytes_come_and_go_with_sources_outputs_and_assets(self, store: Book) -> None:
        async def stored() -> int:
            return (await store.tenants.get("local")).stored_bytes

        one = await asked(store)
        assert await stored() == 10
        running = await claimed(store)
        await store.announce(running.claim, [output(running)])
        assert await stored() == 10 + 1234
        await store.finish(running.claim, Completion([output(running), output(running, "large")]))
        assert await stored() == 10 + 2 * 1234
        asset = Asset("local", "ast_1", "assets/x", "png", "image/png", 500, "c" * 64, 0.0)
        await store.put_asset(asset)
        await store.put_asset(asset)
        assert await stored() == 10 + 2 * 1234 + 500
        await store.delete_asset("local", "ast_1")
        await store.delete_asset("local", "ast_1")
        await store.delete("local", one.id)
        assert await stored() == 0

    async def test_announced_outputs_go_with_their_attempt(self, store: Book) -> None:
        await asked(store)
        running = await claimed(store)
        await store.announce(running.claim, [output(running)])
        await store.crashed(running.claim, Failure("crash", "signal 11"))
        assert (await store.tenants.get("local")).stored_bytes == 10


class TestLimits:
    @pytest.mark.parametrize(
        ("limits", "code", "quota"),
        [
            ({"jobs_per_day": 3}, "quota_exceeded", "jobs_per_day"),
            ({"bytes_per_day": 39}, "quota_exceeded", "bytes_per_day"),
            ({"pixels_per_day": 3_999}, "quota_exceeded", "pixels_per_day"),
            ({"cpu_seconds_per_day": 1.75}, "quota_exceeded", "cpu_seconds_per_day"),
            ({"stored_bytes": 30}, "quota_exceeded", "stored_bytes"),
            ({"max_queued_jobs": 3}, "tenant_queue_full", "max_queued_jobs"),
            ({"max_queued_cpu_seconds": 1.5}, "tenant_queue_full", "max_queued_cpu_seconds"),
        ],
    )
    async def test_exactly_as_many_of_a_crowd_as_fit_are_taken(
        self, store: Book, limits: dict[str, float], code: str, quota: str
    ) -> None:
        await limited(store, **limits)
        jobs = [job(cost=0.5, pixels=1_000) for _ in range(40)]
        answers = await asyncio.gather(*(store.create(one) for one in jobs), return_exceptions=True)
        over = [answer for answer in answers if isinstance(answer, Busy)]
        assert len(over) == 37
        assert {(error.code, error.extra["quota"]) for error in over} == {(code, quota)}
        assert over[0].extra["setting"] == f"TENANT_{quota.upper()}"
        assert counts(await today(store)) == (3, 30, 3_000, 1.5)
        page = await store.list_jobs("local", anything(), 100, None)
        assert len(page.items) == 3
        assert await drift(store, "local") == {}

    async def test_others_are_not_touched(self, store: Book) -> None:
        await limited(store, jobs_per_day=1)
        await asked(store)
        await refused(asked(store))
        await queued(store, "other")

    async def test_what_is_given_back_can_be_had_again(self, store: Book) -> None:
        await limited(store, jobs_per_day=1, max_queued_jobs=1)
        one = await asked(store)
        await refused(asked(store))
        await store.cancel("local", one.id)
        await asked(store)

    async def test_midnight_brings_a_new_day_and_the_refusal_says_when(self, store: Book, time: Time) -> None:
        await limited(store, jobs_per_day=1)
        await asked(store)
        error = await refused(asked(store))
        assert error.extra["window_seconds"] == DAY
        time.now += error.extra["retry_after"] - 2
        await refused(asked(store))
        time.now += 2
        await asked(store)

    async def test_a_retry_needs_room_as_well(self, store: Book) -> None:
        one = await asked(store)
        await store.finish((await claimed(store)).claim, Completion(failure=Failure("corrupt", "no")))
        await limited(store, jobs_per_day=1)
        await refused(store.retry("local", one.id))
        await limited(store)
        assert await store.retry("local", one.id) is not None

    async def test_an_upload_and_its_start_need_room(self, store: Book) -> None:
        await limited(store, bytes_per_day=500, max_queued_jobs=1)
        waiting = (await store.create(job(state=JobState.AWAITING_UPLOAD, source=Source("upload")))).job
        await refused(store.attach("local", waiting.id, Source("upload", "inputs/a", 501), SMALL))
        source = Source("upload", "inputs/b", 400)
        assert await store.attach("local", waiting.id, source, SMALL)
        other = await asked(store)
        await refused(store.start("local", waiting.id, source))
        await store.cancel("local", other.id)
        assert await store.start("local", waiting.id, source)

    async def test_a_job_dearer_than_all_that_may_be_queued_goes_in_alone(self, store: Book) -> None:
        await limited(store, max_queued_cpu_seconds=1.0)
        await asked(store, cost=50.0)
        await refused(asked(store, cost=0.1))

    async def test_a_claimed_job_leaves_room_in_the_queue(self, store: Book) -> None:
        await limited(store, max_queued_jobs=2)
        await asked(store)
        await asked(store)
        await refused(asked(store))
        await claimed(store)
        await asked(store)

    async def test_own_limits_outlive_the_process(self, reopen: Callable[[], Awaitable[Book]]) -> None:
        store = await reopen()
        await limited(store, jobs_per_day=1)
        await store.close()
        store = await reopen()
        await asked(store)
        await refused(asked(store))
        assert (await store.tenants.get("local")).limits == {"jobs_per_day": 1}
        await store.close()


def anything() -> Any:
    from pixelflow.ports.store import JobFilter

    return JobFilter()
