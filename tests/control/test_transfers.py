"""Turns to call other machines."""

import asyncio
from collections import Counter

from pixelflow.control.transfers import Transfers


async def test_few_at_once_and_fewer_to_one_host() -> None:
    transfers = Transfers(most=4, per_host=2)
    now, most = Counter[str](), Counter[str]()
    full, gate = asyncio.Event(), asyncio.Event()

    async def call(host: str) -> None:
        async with transfers.to(host):
            for name in (host, "all"):
                now[name] += 1
                most[name] = max(most[name], now[name])
            if now["all"] == 4:
                full.set()
            await gate.wait()
            for name in (host, "all"):
                now[name] -= 1

    calls = [asyncio.create_task(call(host)) for host in "aaaaaaaabbbbccd"]
    await asyncio.wait_for(full.wait(), 10)
    calls[3].cancel()
    gate.set()
    await asyncio.gather(*calls, return_exceptions=True)
    assert (most["all"], most["a"], most["b"]) == (4, 2, 2)
    assert now.total() == 0
    assert transfers._lines == {}


async def test_a_slow_host_does_not_take_every_turn() -> None:
    transfers = Transfers(most=4, per_host=2)
    for_ever = asyncio.Event()

    async def call(host: str, until: asyncio.Event | None) -> None:
        async with transfers.to(host):
            if until:
                await until.wait()

    slow = [asyncio.create_task(call("slow", for_ever)) for _ in range(50)]
    await asyncio.wait_for(call("quick", None), 10)
    for_ever.set()
    await asyncio.gather(*slow)
