"""The dispatcher with real receivers that fail, hang, reset, redirect and go away."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from email.utils import formatdate
from ipaddress import ip_network
from pathlib import Path
from time import time as now
from typing import Any

import pytest

from harness.book import Time, queued
from harness.elsewhere import Reply
from harness.names import Names
from harness.receiver import Receiver, receiving, wait_for
from pixelflow.adapters.egress.http import HttpEgress
from pixelflow.adapters.egress.rules import Rules
from pixelflow.adapters.store.sqlite import SqliteStore, open_sqlite
from pixelflow.control.dispatcher import AHEAD, Dispatcher, Pace
from pixelflow.domain.job import Job
from pixelflow.domain.signature import new_secret
from pixelflow.domain.webhook import (
    EVENTS,
    SCHEDULE_SECONDS,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointState,
    Secret,
    endpoint_id,
    judge,
    pause_seconds,
)
from pixelflow.http.shapes.webhooks import payload
from pixelflow.ports.webhooks import DeliveryFilter

PACE = Pace(
    timeout_seconds=5.0, in_flight=16, receiver_in_flight=4, schedule=(5.0, 60.0), disable_seconds=1e9
)
LOOKS = 2000
PENDING, DELIVERED, DEAD = DeliveryState


def open_egress(*allowed: str) -> HttpEgress:
    return HttpEgress(Rules([ip_network(text) for text in allowed], plain_http=False), resolve=Names())


class Post:
    """A store with a dispatcher on it."""

    def __init__(self, store: SqliteStore, time: Time, pace: Pace, egress: HttpEgress) -> None:
        self.store, self.time = store, time
        self.tries: list[str] = []
        self.dispatcher = Dispatcher(
            store.webhooks,
            egress,
            lambda message: payload(message, ""),
            pace,
            "test",
            lambda result, seconds: self.tries.append(result),
            time,
        )
        self.running = asyncio.create_task(self.dispatcher.run())

    async def endpoint(self, receiver: Receiver) -> Endpoint:
        secret = new_secret()
        receiver.secret = secret
        new = Endpoint("local", endpoint_id(), receiver.url, EVENTS, (Secret(secret),))
        return await self.store.webhooks.add(new, 100)

    async def happened(self, count: int = 1, **facts: Any) -> list[Job]:
        jobs = [await queued(self.store, **facts) for _ in range(count)]
        for each in jobs:
            await self.store.cancel("local", each.id)
        return jobs

    async def log(self) -> Sequence[Delivery]:
        return (await self.store.webhooks.deliveries("local", DeliveryFilter(), 200, None)).items

    async def until(self, fact: Callable[[Sequence[Delivery]], bool]) -> Sequence[Delivery]:
        """The log once it is so."""
        for _ in range(LOOKS):
            if fact(found := await self.log()):
                return found
            await asyncio.sleep(0.01)
        raise AssertionError("it did not happen")

    async def tried(self, number: int) -> Delivery:
        """The only delivery after so many tries."""
        [found] = await self.until(lambda log: log[0].attempts == number)
        return found

    def later(self, seconds: float) -> None:
        self.time.now += seconds
        self.dispatcher.wake()


@asynccontextmanager
async def posting(folder: Path, pace: Pace = PACE, *allowed: str) -> AsyncIterator[Post]:
    time = Time(now())  # receivers look at the real one
    store = await open_sqlite(folder / "jobs.db", time)
    egress = open_egress(*(allowed or ("127.0.0.1/32",)))
    post = Post(store, time, pace, egress)
    try:
        yield post
    finally:
        post.running.cancel()
        await post.dispatcher.drain(0)
        await egress.close()
        await store.close()


class TestTheSchedule:
    def test_it_is_the_specifications_with_jitter_on_top(self) -> None:
        for failures, pause in enumerate(SCHEDULE_SECONDS, 1):
            assert pause_seconds(failures, SCHEDULE_SECONDS, 0.0) == pause
            assert pause < (pause_seconds(failures, SCHEDULE_SECONDS, 0.999) or 0) < 1.2 * pause
        assert pause_seconds(len(SCHEDULE_SECONDS) + 1, SCHEDULE_SECONDS, 0.0) is None

    @pytest.mark.parametrize("status", [None, 100, 301, 302, 304, 308, 400, 401, 404, 409, 429, 500, 503])
    def test_whatever_is_no_success_is_tried_again(self, status: int | None) -> None:
        verdict = judge(status, 0, (5.0,), 0.0)
        assert (verdict.state, verdict.retry_seconds, verdict.gone) == (PENDING, 5.0, False)
        assert judge(status, 1, (5.0,), 0.0).state is DEAD

    @pytest.mark.parametrize(
        ("status", "asked", "pause"),
        [
            (429, 40.0, 40.0),
            (503, 40.0, 40.0),
            (503, 1e9, 60.0),
            (503, 1.0, 5.0),
            (503, None, 5.0),
            (500, 40.0, 5.0),
            (301, 40.0, 5.0),
        ],
    )
    def test_a_busy_receiver_is_left_alone_for_as_long_as_it_asks_up_to_the_longest_pause(
        self, status: int, asked: float | None, pause: float
    ) -> None:
        assert judge(status, 0, (5.0, 60.0), 0.0, asked).retry_seconds == pause
        assert judge(status, 2, (5.0, 60.0), 0.0, asked).state is DEAD, "no try more than without"

    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
    def test_every_2xx_is_a_success(self, status: int) -> None:
        assert judge(status, 9, (), 0.0).state is DELIVERED


BROKEN: dict[str, tuple[Reply, int | None, str | None]] = {
    "fails": (Reply(500), 500, None),
    "redirects": (Reply(302, headers={"location": "/other"}), 302, None),
    "resets": (Reply(200, b"x" * 100, reset=10), None, "broke off"),
    "hangs": (Reply(200, b"x" * 100, stall=10), None, "within 0.3 s"),
}


@pytest.mark.parametrize(("reply", "status", "error"), BROKEN.values(), ids=BROKEN.keys())
async def test_what_goes_wrong_is_tried_again_under_the_same_id(
    tmp_path: Path, reply: Reply, status: int | None, error: str | None
) -> None:
    with receiving(lambda _: reply) as receiver:
        async with posting(tmp_path, replace(PACE, timeout_seconds=0.3)) as post:
            await post.endpoint(receiver)
            await post.happened()
            failed = await post.tried(1)
            assert (failed.state, failed.status) == (PENDING, status)
            assert (error or "") in (failed.error or "")
            assert 5 <= failed.next_at - post.time() <= 6
            receiver.answer = lambda _: Reply(204)
            post.later(6)
            good = await post.tried(2)
            assert (good.state, good.status, good.error) == (DELIVERED, 204, None)
        assert len(set(receiver.ids)) == 1
        assert "/other" not in [asked.path for asked in receiver.there.asked]
        stamps = [int(asked.headers["webhook-timestamp"]) for asked in receiver.there.asked]
        assert stamps[1] - stamps[0] == 6, "each try is signed with its own time"


@pytest.mark.parametrize("moment", [False, True])
async def test_a_busy_receiver_is_sent_to_when_it_said(tmp_path: Path, moment: bool) -> None:
    there = {"retry-after": formatdate(now() + 50, usegmt=True) if moment else "50"}
    with receiving(lambda _: Reply(503, headers=there)) as receiver:
        async with posting(tmp_path) as post:
            await post.endpoint(receiver)
            await post.happened()
            put_off = await post.tried(1)
            assert 40 < put_off.next_at - post.time() <= 50
            receiver.answer = lambda _: Reply(204)
            post.later(51)
            assert (await post.tried(2)).state is DELIVERED


async def test_nobody_there_is_a_failed_try(tmp_path: Path) -> None:
    with receiving() as receiver:
        pass
    async with posting(tmp_path) as post:
        await post.endpoint(receiver)
        await post.happened()
        failed = await post.tried(1)
        assert failed.state is PENDING
        assert failed.error


async def test_what_nobody_foresaw_is_a_failed_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(HttpEgress, "send", broken)
    with receiving() as receiver:
        async with posting(tmp_path) as post:
            await post.endpoint(receiver)
            await post.happened()
            found = await post.tried(1)
            assert (found.state, found.error) == (PENDING, "RuntimeError")


async def test_after_the_last_try_it_is_dead_and_can_be_sent_again(tmp_path: Path) -> None:
    with receiving(lambda _: Reply(500)) as receiver:
        async with posting(tmp_path) as post:
            await post.endpoint(receiver)
            await post.happened()
            for number, pause in ((1, 6.0), (2, 72.0), (3, 0.0)):
                dead = await post.tried(number)
                post.later(pause)
            assert (dead.state, dead.ended_at) == (DEAD, post.time())
            assert post.tries == ["failed", "failed", "dead"]
            receiver.answer = lambda _: Reply(200)
            await post.store.webhooks.redeliver("local", dead.id)
            assert (await post.tried(4)).state is DELIVERED


async def test_an_address_that_is_not_called_any_more_is_a_failed_try_that_says_so(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with posting(tmp_path, PACE, "192.0.2.0/24") as post:
            await post.endpoint(receiver)
            await post.happened()
            failed = await post.tried(1)
            assert "EGRESS_ALLOW" in (failed.error or "")
            assert failed.state is PENDING
        assert receiver.there.asked == []


async def test_40_gone_disables_and_failures_for_long_do_too(tmp_path: Path) -> None:
    with receiving(lambda _: Reply(410)) as gone, receiving(lambda _: Reply(500)) as failing:
        async with posting(tmp_path, replace(PACE, disable_seconds=60)) as post:
            one, two = await post.endpoint(gone), await post.endpoint(failing)
            await post.happened()
            await post.until(lambda log: all(each.attempts == 1 for each in log))

            async def state(endpoint: Endpoint) -> EndpointState:
                found = await post.store.webhooks.endpoint("local", endpoint.id)
                assert found is not None
                return found.state

            assert [await state(one), await state(two)] == [EndpointState.DISABLED, EndpointState.ENABLED]
            post.later(61)
            await post.until(lambda log: any(each.attempts == 2 for each in log))
            assert await state(two) is EndpointState.DISABLED


async def test_a_receiver_that_hangs_delays_nobody(tmp_path: Path) -> None:
    slow_pace = replace(PACE, timeout_seconds=60.0)
    with receiving(lambda _: Reply(200, b"xx", stall=1)) as hanging, receiving() as quick:
        async with posting(tmp_path, slow_pace) as post:
            await post.endpoint(hanging)
            await post.happened(30)
            await post.endpoint(quick)
            await post.happened(10)
            log = await post.until(lambda log: sum(one.state is DELIVERED for one in log) == 10)
            assert post.dispatcher.in_flight == AHEAD * PACE.receiver_in_flight
            assert {one.url for one in log if one.state is DELIVERED} == {quick.url}
            assert len(hanging.there.asked) <= PACE.receiver_in_flight


async def test_one_that_failed_is_tried_with_one_at_a_time(tmp_path: Path) -> None:
    with receiving(lambda _: Reply(500)) as failing:
        async with posting(tmp_path) as post:
            await post.endpoint(failing)
            await post.happened()
            await post.tried(1)
            failing.answer = lambda _: Reply(200, b"xx", stall=1)
            await post.happened(5)
            await asyncio.to_thread(wait_for, lambda: len(failing.there.asked) == 2)
            claimed = await post.store.webhooks.claim("other", 30, 100, 100, {})
            assert len(claimed.parcels) == 4, "the others wait for the first"
            assert post.dispatcher.in_flight == 1


async def test_a_drain_waits_and_then_gives_back(tmp_path: Path) -> None:
    with receiving(lambda _: Reply(200, b"xx", stall=1)) as hanging, receiving() as quick:
        async with posting(tmp_path) as post:
            await post.endpoint(hanging)
            await post.happened(2)
            await asyncio.to_thread(wait_for, lambda: len(hanging.there.asked) == 2)
            post.running.cancel()
            await post.dispatcher.drain(0.05)
            assert post.dispatcher.in_flight == 0
            again = await post.store.webhooks.claim("other", 30, 100, 100, {})
            assert len(again.parcels) == 2, "due at once, without waiting for the lease"
        assert quick.ids == []


async def test_a_dispatcher_that_died_sends_again_under_the_same_id(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with posting(tmp_path) as post:
            post.running.cancel()
            await post.endpoint(receiver)
            await post.happened()
            [held] = (await post.store.webhooks.claim("the one before", 30, 1, 1, {})).parcels
            heir = Post(post.store, post.time, PACE, egress := open_egress("127.0.0.1/32"))
            await asyncio.sleep(0)
            heir.later(31)
            assert (await heir.tried(1)).state is DELIVERED
            heir.running.cancel()
            await heir.dispatcher.drain(5)
            await egress.close()
        assert receiver.ids == [held.message.id]


async def test_a_large_answer_is_not_read_to_its_end(tmp_path: Path) -> None:
    with receiving(lambda _: Reply(200, b"x" * 50_000_000)) as receiver:
        async with posting(tmp_path) as post:
            await post.endpoint(receiver)
            await post.happened()
            assert (await post.tried(1)).state is DELIVERED
