"""Random lives of jobs under limits, against a plain model of what each is charged and given back.

``MODEL_EXAMPLES`` and ``MODEL_STEPS`` in the environment make longer runs.
"""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pixelflow.adapters.store import open_store
from pixelflow.domain.errors import Busy
from pixelflow.domain.job import Claim, Completion, Failure, Job, JobState, Output, Remote, Source, new_id
from pixelflow.domain.tenant import TenantLimits, day_of

if TYPE_CHECKING:
    from pixelflow.ports.book import Book

T = TypeVar("T")
S = JobState
MAX_QUEUED = 4
A_DAY = 9
BYTES_A_DAY = 1_150
COST, SIZE, OUTPUT = 0.25, 100, 7
DAY = 86_400.0
PICK = st.integers(0, 15)


@dataclass
class Life:
    """A job, and what its present life counts for on the day on which it was charged."""

    tenant: str
    id: str
    state: JobState = S.QUEUED
    begun: bool = False
    day: str = ""
    outputs: int = 0
    claim: Claim | None = None
    size: int = SIZE
    """Of its source; 0 while that is yet to be fetched."""
    referred: int = 0
    """Bytes that its steps refer to, in this life."""


class Accounts(RuleBasedStateMachine):
    """A store with limits beside its model; every counter is compared after each step."""

    @initialize()
    def begin(self) -> None:
        self.now = 1_700_000_000.0
        self.lives: dict[str, Life] = {}
        self.jobs: Counter[tuple[str, str]] = Counter()
        self.seconds: Counter[tuple[str, str]] = Counter()
        self.bytes: Counter[tuple[str, str]] = Counter()
        self.folder = tempfile.TemporaryDirectory(prefix="accounts-")
        self.runner = asyncio.Runner()
        address = f"sqlite:///{Path(self.folder.name) / 'jobs.db'}"
        limits = TenantLimits(MAX_QUEUED, jobs_per_day=A_DAY, bytes_per_day=BYTES_A_DAY)
        self.store: Book = self.run(open_store(address, lambda: self.now, limits))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.run(self.store.close())
            self.runner.close()
            self.folder.cleanup()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(call)

    def room(self, tenant: str, size: int) -> int:
        """How many more jobs of that size the tenant may queue now; one of 0 needs room for a byte."""
        queued = sum(life.state is S.QUEUED for life in self.of(tenant))
        jobs = min(MAX_QUEUED - queued, A_DAY - self.jobs[tenant, day_of(self.now)])
        left = self.left(tenant)
        return max(0, min(jobs, left // size if size else jobs * (left > 0)))

    def left(self, tenant: str) -> int:
        """Bytes that may still be sent in today."""
        return BYTES_A_DAY - self.bytes[tenant, day_of(self.now)]

    def of(self, tenant: str) -> list[Life]:
        return [life for life in self.lives.values() if life.tenant == tenant]

    def charge(self, life: Life) -> None:
        life.day, life.begun, life.referred = day_of(self.now), False, 0
        self.bytes[life.tenant, life.day] += life.size
        self.jobs[life.tenant, life.day] += 1
        self.seconds[life.tenant, life.day] += 1

    def unless_begun(self, life: Life) -> None:
        if not life.begun:
            self.jobs[life.tenant, life.day] -= 1
            self.seconds[life.tenant, life.day] -= 1
            self.bytes[life.tenant, life.day] -= life.size

    @rule(tenant=st.sampled_from(["anna", "bert"]), count=st.integers(1, 7), size=st.sampled_from([SIZE, 0]))
    def create(self, tenant: str, count: int, size: int) -> None:
        """So many at once: those that fit are taken, the others refused."""

        async def together() -> list[Any]:
            source = Source("upload", "inputs/a/b/c", SIZE) if size else Source("url")
            remote = None if size else Remote("https://pictures.example/a.png")
            jobs = [
                Job(tenant, new_id(), S.QUEUED, [], source, 0, 0, cost=COST, pixels=1, remote=remote)
                for _ in range(count)
            ]
            calls = (self.store.create(job) for job in jobs)
            return await asyncio.gather(*calls, return_exceptions=True)

        room, answers = self.room(tenant, size), self.run(together())
        taken = [answer.job for answer in answers if not isinstance(answer, Busy)]
        assert len(taken) == min(room, count)
        for job in taken:
            life = self.lives[job.id] = Life(tenant, job.id, size=size)
            self.charge(life)

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        for job in self.run(self.store.claim("me", 60, limit)):
            life = self.lives[job.id]
            life.state, life.begun, life.claim = S.PROCESSING, True, job.claim

    @rule(size=st.sampled_from([30, SIZE, 4 * SIZE]))
    def fetch(self, size: int) -> None:
        """All that run at once: their source where they have none yet, else what their steps refer to."""
        running = [life for life in self.lives.values() if life.state is S.PROCESSING]

        async def one(life: Life) -> object:
            assert life.claim is not None
            if not life.size:
                return await self.store.fetched(life.claim, Source("url", "inputs/a/b/c", size))
            return await self.store.referred(life.claim, size)

        async def together() -> list[Any]:
            return await asyncio.gather(*(one(life) for life in running), return_exceptions=True)

        for life, answer in zip(running, self.run(together()), strict=True):
            more = size - life.referred if life.size else size
            assert isinstance(answer, Busy) == (0 < more > self.left(life.tenant)), answer
            if isinstance(answer, Busy) or more <= 0:
                continue
            self.bytes[life.tenant, life.day] += more
            if life.size:
                life.referred = size
            else:
                life.size = size

    @rule(end=st.sampled_from(["complete", "fail", "vain", "crash", "release"]), pick=PICK)
    def work(self, end: str, pick: int) -> None:
        running = [life for life in self.lives.values() if life.state is S.PROCESSING]
        if not running:
            return
        life = running[pick % len(running)]
        claim = life.claim
        assert claim is not None
        broken = Failure("corrupt", "no end")
        if end == "complete":
            output = Output("done", "outputs/a", "jpeg", "image/jpeg", OUTPUT, "e" * 64)
            self.run(self.store.finish(claim, Completion([output], spent={"decode": 2 * COST})))
            self.seconds[life.tenant, life.day] += 1
            life.state, life.outputs = S.COMPLETED, OUTPUT
        elif end in {"fail", "vain"}:
            spent = {} if end == "vain" else None
            self.run(self.store.finish(claim, Completion(failure=broken, spent=spent)))
            self.seconds[life.tenant, life.day] -= end == "vain"
            life.state = S.FAILED
        elif end == "crash":
            crashed = self.run(self.store.crashed(claim, broken))
            assert crashed is not None
            life.state = crashed.state
        else:
            self.run(self.store.release([claim]))
            life.state = S.QUEUED

    @rule(call=st.sampled_from(["cancel", "retry", "retry", "delete"]), pick=PICK)
    def steer(self, call: str, pick: int) -> None:
        if not self.lives:
            return
        life = list(self.lives.values())[pick % len(self.lives)]
        ended = life.state in {S.COMPLETED, S.FAILED, S.CANCELLED, S.QUARANTINED}
        if call == "cancel":
            self.run(self.store.cancel(life.tenant, life.id))
            if not ended:
                self.unless_begun(life)
                life.state = S.CANCELLED
        elif call == "delete":
            self.run(self.store.delete(life.tenant, life.id))
            if not ended:
                self.unless_begun(life)
            del self.lives[life.id]
        elif ended and life.state is not S.COMPLETED:
            try:
                self.run(self.store.retry(life.tenant, life.id))
                taken = True
            except Busy:
                taken = False
            assert taken == (self.room(life.tenant, life.size) > 0)
            if taken:
                life.state = S.QUEUED
                self.charge(life)

    @rule(seconds=st.sampled_from([1.0, 3600.0, DAY]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def counters_are_the_models(self) -> None:
        if not hasattr(self, "store"):
            return
        for tenant in ("anna", "bert"):
            lives = self.of(tenant)
            told = self.run(self.store.tenants.get(tenant))
            queued = sum(life.state is S.QUEUED for life in lives)
            assert (told.queued_jobs, told.queued_cpu_seconds) == (queued, queued * COST)
            assert told.stored_bytes == sum(life.size + life.outputs for life in lives)
            for day in self.run(self.store.tenants.usage(tenant, "0000", "9999")):
                jobs, seconds = self.jobs[tenant, day.day], self.seconds[tenant, day.day] * COST
                told_bytes = self.bytes[tenant, day.day]
                assert (day.jobs, day.bytes, day.cpu_seconds) == (jobs, told_bytes, seconds)
                assert day.jobs <= A_DAY


Accounts.TestCase.settings = settings(
    max_examples=int(os.environ.get("MODEL_EXAMPLES", "15")),
    stateful_step_count=int(os.environ.get("MODEL_STEPS", "40")),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestAccounts = Accounts.TestCase
