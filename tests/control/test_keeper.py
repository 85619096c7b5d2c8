"""The keeper's duties: each at its pace, none in another's way, and all of them told of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from harness.book import Time
from pixelflow.control.keeper import Duty, Keeper
from pixelflow.domain.errors import StoreUnavailable

PATIENCE_SECONDS = 10.0


class Told:
    """Counts runs, and lets a test wait for one."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.runs = 0
        self.news = asyncio.Condition()

    async def run(self) -> int:
        async with self.news:
            self.runs += 1
            self.news.notify_all()
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def reach(self, runs: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self.news:
            await self.news.wait_for(lambda: self.runs >= runs)
        await asyncio.sleep(0)  # the record follows the run on the same loop


@asynccontextmanager
async def running(keeper: Keeper) -> AsyncIterator[Keeper]:
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_duty_runs_again_and_its_record_says_how_it_went() -> None:
    told, time = Told(3, 0, 2), Time()
    async with running(Keeper([Duty("count", 0.001, told.run)], time)) as keeper:
        await told.reach(4)
        record = keeper.records["count"]
        assert (record.found, record.failures, record.failing, record.error) == (5, 0, False, None)
        assert record.last_run == time.now
        assert record.lag_seconds(time.now) == 0


async def test_a_duty_that_fails_is_told_and_disturbs_no_other() -> None:
    bad, mistaken, good = Told(StoreUnavailable("no disk")), Told(RuntimeError("a mistake")), Told()
    duties = [Duty("bad", 0.001, bad.run), Duty("odd", 60, mistaken.run), Duty("good", 0.001, good.run)]
    async with running(Keeper(duties)) as keeper:
        await bad.reach(3)
        await good.reach(3)
        failed, odd = keeper.records["bad"], keeper.records["odd"]
        assert (failed.failures, failed.failing, failed.error) == (1, False, "no disk")
        assert (odd.failures, odd.failing, odd.error) == (1, True, "a mistake")


async def test_what_fails_again_and_again_becomes_overdue() -> None:
    time = Time()
    stuck = Told(OSError("away"))
    async with running(Keeper([Duty("stuck", 5, stuck.run)], time)) as keeper:
        await stuck.reach(1)
        record = keeper.records["stuck"]
        time.now += 15
        assert (record.lag_seconds(time.now), record.overdue(time.now)) == (10, False)
        time.now += 6
        assert (record.lag_seconds(time.now), record.overdue(time.now)) == (16, True)


async def test_a_run_that_hangs_is_overdue_too() -> None:
    time, began = Time(), Told()

    async def hang() -> int:
        await began.run()
        await asyncio.Event().wait()
        return 0

    async with running(Keeper([Duty("hangs", 1, hang)], time)) as keeper:
        await began.reach(1)
        time.now += 60
        assert keeper.records["hangs"].overdue(time.now)


async def test_a_full_batch_is_followed_by_the_next_at_once() -> None:
    told = Told(2, 2, 1)
    async with running(Keeper([Duty("sweep", 3600, told.run, batch=2)])) as keeper:
        await told.reach(3)
        assert keeper.records["sweep"].found == 5


async def test_whoever_knows_of_work_wakes_the_duty() -> None:
    told, wake = Told(0, 1), asyncio.Event()
    async with running(Keeper([Duty("send", 3600, told.run, wake=wake)])) as keeper:
        await told.reach(1)
        wake.set()
        await told.reach(2)
        assert keeper.records["send"].found == 1
