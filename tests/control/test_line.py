"""Places, waiting times, and how long a refused caller is told to wait: on a clock that the test moves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.book import LEASE, Time, job, queued
from pixelflow.adapters.storage.local import LocalStorage
from pixelflow.adapters.store import open_store
from pixelflow.control.admission import MAX_RETRY_SECONDS, Admission, ServerLimits
from pixelflow.control.line import Line
from pixelflow.domain.errors import Busy
from pixelflow.domain.job import Completion, Job, JobState
from pixelflow.ports.book import Book


@dataclass
class Bench:
    """A store in which ``places`` jobs are always in flight; each takes a second for each of its cost."""

    store: Book
    storage: LocalStorage
    time: Time
    places: int = 4
    flying: list[tuple[float, Job]] = field(default_factory=list)
    ended: dict[str, float] = field(default_factory=dict)

    @property
    def line(self) -> Line:
        return Line(self.store, self.store.tenants, self.time)

    def admission(self, **limits: Any) -> Admission:
        return Admission(self.store, self.storage, self.line, self.time, ServerLimits(**limits))

    async def fill(self, count: int, tenant: str = "local", **facts: Any) -> list[Job]:
        return [await queued(self.store, tenant, **{"cost": 1.0, **facts}) for _ in range(count)]

    async def run(self, until: float) -> None:
        """Work until that time, or until there is none left."""
        while True:
            for one in await self.store.claim("me", LEASE * 1000, self.places - len(self.flying)):
                self.flying.append((self.time() + (one.cost or 0.0), one))
            self.flying.sort(key=lambda flight: flight[0])
            if not self.flying or self.flying[0][0] > until:
                break
            self.time.now, one = self.flying.pop(0)
            await self.store.finish(one.claim, Completion())
            self.ended[one.id] = self.time()
        self.time.now = max(self.time.now, until) if self.flying else self.time.now


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    time = Time()
    store = await open_store(f"sqlite:///{tmp_path}/jobs.db", time)
    yield Bench(store, LocalStorage(tmp_path / "up", tmp_path / "out"), time)
    await store.close()


class TestPlace:
    async def test_the_eta_told_is_what_happens_on_a_steady_queue(self, bench: Bench) -> None:
        jobs = await bench.fill(200)
        assert (await bench.line.place(jobs[-1])) is not None
        await bench.run(bench.time() + 10)
        told = {}
        for one in jobs[60::20]:
            place = await bench.line.place(one)
            assert place is not None
            assert place.eta_seconds is not None
            told[one.id] = bench.time() + place.eta_seconds
        await bench.run(bench.time() + 1000)
        for one_id, when in told.items():
            assert bench.ended[one_id] == pytest.approx(when, abs=2.5)

    async def test_it_holds_beside_another_tenant_and_other_costs(self, bench: Bench) -> None:
        dear = await bench.fill(60, "dear", cost=4.0)
        cheap = await bench.fill(60, "cheap", cost=1.0)
        await bench.run(bench.time() + 20)
        told = {}
        for one in (dear[40], cheap[50]):
            place = await bench.line.place(one)
            assert place is not None
            assert place.eta_seconds is not None
            told[one.id] = place.eta_seconds, bench.time()
        await bench.run(bench.time() + 10_000)
        for one_id, (eta, at) in told.items():
            assert bench.ended[one_id] - at == pytest.approx(eta, rel=0.6)

    async def test_a_position_counts_those_that_are_claimed_before(self, bench: Bench) -> None:
        mine = await bench.fill(3, "mine")
        await bench.fill(10, "theirs")
        (urgent,) = await bench.fill(1, "theirs", priority=5)
        positions = [await bench.line.place(one) for one in (urgent, *mine)]
        assert [place.position for place in positions if place] == [1, 2, 4, 6]

    async def test_only_jobs_that_wait_to_be_claimed_have_one(self, bench: Bench) -> None:
        (one,) = await bench.fill(1)
        (running,) = await bench.store.claim("me", LEASE)
        assert await bench.line.place(running) is None
        later = job(not_before=bench.time() + 60)
        assert await bench.line.place(later) is None
        assert one.id == running.id

    async def test_nothing_is_told_before_anything_was_measured(self, bench: Bench) -> None:
        (one,) = await bench.fill(1)
        place = await bench.line.place(one)
        assert place is not None
        assert place.eta_seconds is None


class TestRetryAfter:
    """Who waits as long as told gets in."""

    async def refused(self, bench: Bench, admission: Admission) -> Busy:
        bench.time.now += 1.5
        with pytest.raises(Busy) as found:
            await admission.check("local")
        return found.value

    async def test_when_the_queue_is_full(self, bench: Bench) -> None:
        admission = bench.admission(max_queue_depth=40)
        await bench.fill(70)
        await bench.run(bench.time() + 4)
        error = await self.refused(bench, admission)
        assert error.code == "queue_full"
        wait = error.extra["retry_after"]
        assert 1 < wait < 12
        await bench.run(bench.time() + wait)
        await admission.check("local")

    async def test_no_more_are_let_in_between_two_looks_than_fit(self, bench: Bench) -> None:
        admission = bench.admission(max_queue_depth=10)
        await bench.fill(4)
        for _ in range(6):
            await admission.check("local")
            await bench.fill(1)
        with pytest.raises(Busy):
            await admission.check("local")

    async def test_when_too_much_cpu_time_is_queued(self, bench: Bench) -> None:
        admission = bench.admission(max_queue_cpu_seconds=100.0)
        await bench.fill(70, cost=2.0)
        await bench.run(bench.time() + 8)
        error = await self.refused(bench, admission)
        await bench.run(bench.time() + error.extra["retry_after"])
        await admission.check("local")

    async def test_when_the_oldest_has_waited_too_long(self, bench: Bench) -> None:
        admission = bench.admission(max_queue_age_seconds=10.0)
        for _ in range(24):
            await bench.fill(8)
            await bench.run(bench.time() + 1)
        error = await self.refused(bench, admission)
        assert error.code == "queue_old"
        wait = error.extra["retry_after"]
        assert 10 < wait < 40
        await bench.run(bench.time() + wait)
        await admission.check("local")

    async def test_when_a_tenant_has_too_many_queued(self, bench: Bench) -> None:
        await bench.store.tenants.put("local", 1.0, {"max_queued_jobs": 30})
        admission = bench.admission()
        await bench.fill(30)
        await bench.fill(40, "other")
        await bench.store.tenants.put("local", 1.0, {"max_queued_jobs": 20})
        await bench.run(bench.time() + 4)
        with pytest.raises(Busy) as found:
            await bench.fill(1)
        error = await admission.refused("local", found.value)
        assert error.code == "tenant_queue_full"
        wait = error.extra["retry_after"]
        with pytest.raises(Busy):
            await admission.check("local")
        await admission.check("other")
        await bench.run(bench.time() + wait)
        await admission.check("local")
        await bench.fill(1)

    async def test_a_queue_that_stands_still_is_told_at_most_a_minute(self, bench: Bench) -> None:
        admission = bench.admission(max_queue_depth=5)
        await bench.fill(50)
        await bench.run(bench.time() + 4)
        bench.time.now += 3000
        assert (await self.refused(bench, admission)).extra["retry_after"] <= MAX_RETRY_SECONDS

    async def test_with_nothing_measured_a_few_seconds(self, bench: Bench) -> None:
        await bench.fill(5)
        error = await self.refused(bench, bench.admission(max_queue_depth=5))
        assert error.extra["retry_after"] == 5


async def test_the_bench_works(bench: Bench) -> None:
    jobs = await bench.fill(8)
    await bench.run(bench.time() + 100)
    assert bench.ended.keys() == {one.id for one in jobs}
    found = await bench.store.get("local", jobs[0].id)
    assert found is not None
    assert found.state is JobState.COMPLETED
