"""What every bell promises."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from pixelflow.adapters.queue import open_queue
from pixelflow.domain.errors import StartupError
from pixelflow.ports.queue import Queue

BACKENDS: dict[str, Callable[[], Queue]] = {"memory": lambda: open_queue("memory://")}
SOON = 10.0
"""Seconds after which something that should have come has not."""


@pytest.fixture(params=BACKENDS)
async def queue(request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    opened = BACKENDS[request.param]()
    yield opened
    await opened.close()


async def waiting(queue: Queue) -> "asyncio.Task[int]":
    """A waiter that has begun to wait."""
    task = asyncio.create_task(queue.wait(SOON))
    await asyncio.sleep(0)
    return task


async def test_a_ring_before_the_wait_is_kept(queue: Queue) -> None:
    await queue.ring()
    assert await queue.wait(SOON) == 1


async def test_rings_add_up(queue: Queue) -> None:
    await queue.ring(2)
    await queue.ring(3)
    heard = 0
    while heard < 5:
        came = await queue.wait(SOON)
        assert came > 0
        heard += came
    assert heard == 5
    assert await queue.wait(0.0) == 0


async def test_a_ring_ends_a_wait(queue: Queue) -> None:
    waiter = await waiting(queue)
    assert not waiter.done()
    await queue.ring()
    assert await waiter == 1
    await queue.acknowledge(1)


async def test_silence_is_answered_with_zero(queue: Queue) -> None:
    assert await queue.wait(0.01) == 0


async def test_a_ring_is_heard_once(queue: Queue) -> None:
    first, second = await waiting(queue), await waiting(queue)
    await queue.ring()
    done, _ = await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED, timeout=SOON)
    assert [task.result() for task in done] == [1]
    await queue.ring()
    assert sorted([await first, await second]) == [1, 1]


async def test_a_waiter_that_gave_up_takes_no_ring_with_it(queue: Queue) -> None:
    gone, staying = await waiting(queue), await waiting(queue)
    await queue.ring()
    gone.cancel()
    await asyncio.wait({gone})
    assert await staying == 1


async def test_one_that_was_cancelled_before_the_ring_is_forgotten(queue: Queue) -> None:
    gone = await waiting(queue)
    gone.cancel()
    await asyncio.wait({gone})
    await queue.ring()
    assert await queue.wait(SOON) == 1


async def test_what_is_kept_is_bounded(queue: Queue) -> None:
    for _ in range(100):
        await queue.ring(1_000_000)
    assert 0 < await queue.wait(SOON) <= 100_000


def test_an_address_that_names_no_queue_stops_the_start() -> None:
    with pytest.raises(StartupError, match="there is memory://"):
        open_queue("carrier-pigeon://loft")
