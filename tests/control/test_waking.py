"""The keeper is woken when the next job is due, on the loop that the server runs on."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from harness.book import Time, job
from pixelflow.adapters.queue import open_queue
from pixelflow.adapters.store import open_store
from pixelflow.control.waking import Waker


def on_the_servers_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await test()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(bounded())


def test_the_next_alarm_is_set_after_one_that_was_due_at_once(tmp_path: Path) -> None:
    async def alarms() -> None:
        time = Time()
        store = await open_store(f"sqlite:///{tmp_path / 'jobs.db'}", time)
        queue = open_queue("memory://")
        waker = Waker(store, queue, time, batch=1)
        for seconds in (1.0, 2.0, 3.0):
            await store.create(job(not_before=time.now + seconds, scheduled_at=time.now + seconds))
        waker.expect(time.now + 1)
        time.now += 3
        woken = []
        for _ in range(3):
            waker.expect(time.now)
            await waker.wanted.wait()
            waker.wanted.clear()
            woken.append(await waker.wake())
        assert woken == [1, 1, 1]
        assert await waker.wake() == 0
        await store.close()
        await queue.close()

    on_the_servers_loop(alarms)


def test_an_alarm_that_is_early_is_set_again(tmp_path: Path) -> None:
    async def alarms() -> None:
        time = Time()
        store = await open_store(f"sqlite:///{tmp_path / 'jobs.db'}", time)
        queue = open_queue("memory://")
        waker = Waker(store, queue, time)
        await store.create(job(not_before=time.now + 0.01, scheduled_at=time.now + 0.01))
        waker.expect(time.now + 0.01)
        for _ in range(20):  # the store's clock stands still: every alarm comes too early
            await waker.wanted.wait()
            waker.wanted.clear()
            assert await waker.wake() == 0
        time.now += 0.01
        await waker.wanted.wait()
        assert await waker.wake() == 1
        await store.close()
        await queue.close()

    on_the_servers_loop(alarms)
