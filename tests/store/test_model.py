"""Random interleavings of everything that can happen to jobs, against a plain model of what must come of it.

``MODEL_EXAMPLES`` and ``MODEL_STEPS`` in the environment make longer runs.
"""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pixelflow.adapters.store import open_store
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import (
    MAX_CRASHES,
    MAX_LOSSES,
    RETRYABLE,
    TERMINAL,
    Claim,
    Completion,
    Failure,
    Job,
    JobState,
    Output,
    Source,
    new_id,
)
from pixelflow.domain.keys import output_key

if TYPE_CHECKING:
    from pixelflow.ports.store import JobStore

T = TypeVar("T")
S = JobState
LEASE = 10.0
DONE = "done"
"""The step whose output a job is completed with."""
TENANTS = ["anna", "bert", "cleo"]
OWNERS = ["worker-1", "worker-2"]
PICK = st.integers(0, 15)
"""Few numbers, so that the same job is often hit again."""
KEYS = [b"a" * 16, b"b" * 16]
"""Of the step cache: jobs share them."""
WRITES = [
    "renew", "announce", "announce", "finish", "fail", "crash", "crash", "crash", "release", "race",
    "fault", "fault", "give_up", "put_off",
]  # fmt: skip
FAULT_SECONDS = LEASE / 2


@dataclass
class Expected:
    """What a job must be, and the events it must have had."""

    tenant: str
    id: str
    state: JobState
    priority: int
    created_at: float
    queued_at: float | None
    attempt: int = 0
    crashes: int = 0
    losses: int = 0
    faults: int = 0
    hold: bool = False
    not_before: float | None = None
    scheduled_at: float | None = None
    owner: str | None = None
    lease_until: float | None = None
    outputs: list[str] = field(default_factory=list)
    events: list[tuple[EventKind, int]] = field(default_factory=list)

    @property
    def key(self) -> bytes:
        """Under which its output is recalled once it is completed."""
        return KEYS[int(self.id[-1], 16) % len(KEYS)]

    def enter(self, state: JobState) -> None:
        self.state = state
        self.outputs = [DONE] if state is S.COMPLETED else []
        if state is not S.PROCESSING:
            self.owner = self.lease_until = None
        if state is not S.QUEUED and state is not S.AWAITING_UPLOAD:
            self.not_before = None
        self.events.append((EventKind.entered(state), self.attempt))

    def held(self, claim: Claim) -> bool:
        return self.state is S.PROCESSING and (self.attempt, self.owner) == (claim.attempt, claim.owner)

    def agrees(self, job: Job) -> bool:
        return (
            self.tenant, self.id, self.state, self.priority, self.queued_at, self.attempt,
            self.crashes, self.losses, self.owner, self.lease_until, self.state in TERMINAL, self.outputs,
            self.faults, self.not_before, self.hold,
        ) == (
            job.tenant, job.id, job.state, job.priority, job.queued_at, job.attempt,
            job.crashes, job.losses, job.owner, job.lease_until, job.finished_at is not None,
            [output.id for output in job.outputs], job.faults, job.not_before, job.hold,
        )  # fmt: skip


class Book(RuleBasedStateMachine):
    """A store beside its model; every answer is compared at once, and everything once more at the end."""

    @initialize()
    def begin(self) -> None:
        self.now = 1_000.0
        self.expected: dict[str, Expected] = {}
        self.deleted: set[str] = set()
        self.claims: list[Claim] = []
        self.sequence = 0
        self.folder = tempfile.TemporaryDirectory(prefix="model-")
        self.runner = asyncio.Runner()
        address = f"sqlite:///{Path(self.folder.name) / 'jobs.db'}"
        self.store: JobStore = self.run(open_store(address, lambda: self.now))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            try:
                self.compare_everything()
            finally:
                self.run(self.store.close())
                self.runner.close()
                self.folder.cleanup()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(call)

    def check(self, expected: Expected, job: Job | None, *, news: bool = True) -> None:
        """The job is what the model says, and its event is younger than all before."""
        assert job is not None
        assert expected.agrees(job), (expected, job)
        assert not news or job.sequence > self.sequence
        self.sequence = max(self.sequence, job.sequence)

    # What callers do

    @precondition(lambda self: len(self.living()) < 12)
    @rule(
        tenants=st.lists(st.sampled_from(TENANTS), min_size=1, max_size=5),
        priority=st.sampled_from([0, 0, 0, 5]),
        state=st.sampled_from([S.QUEUED, S.QUEUED, S.QUEUED, S.AWAITING_UPLOAD]),
        later=st.sampled_from([None, None, None, 1.0, LEASE]),
    )
    def create(self, tenants: list[str], priority: int, state: JobState, later: float | None) -> None:
        for tenant in tenants:
            at = None if later is None else self.now + later
            source = Source("upload") if state is S.AWAITING_UPLOAD else Source("upload", "inputs/x/y/z")
            job = Job(
                tenant, new_id(), state, [], source, 0, 0, priority=priority, not_before=at, scheduled_at=at
            )
            queued_at = self.now if state is S.QUEUED else None
            expected = Expected(
                tenant, job.id, state, priority, self.now, queued_at, not_before=at, scheduled_at=at
            )
            expected.enter(state)
            self.expected[job.id] = expected
            self.check(expected, self.run(self.store.create(job)).job)

    @precondition(lambda self: self.expected)
    @rule(call=st.sampled_from(["start", "cancel", "retry", "retry", "delete", "delete", "hold"]), pick=PICK)
    def call(self, call: str, pick: int) -> None:
        """Most often a job that the call can change, sometimes any."""
        able = {
            "start": {S.AWAITING_UPLOAD},
            "cancel": {S.AWAITING_UPLOAD, S.QUEUED, S.PROCESSING},
            "retry": RETRYABLE,
            "delete": TERMINAL,
            "hold": TERMINAL,
        }
        changed = [one.id for one in self.living() if one.state in able[call]]
        jobs = changed if pick % 4 and changed else list(self.expected)
        getattr(self, call)(jobs[pick % len(jobs)])

    def start(self, job_id: str) -> None:
        expected = self.find(job_id)
        started = self.run(self.store.start(expected.tenant, job_id, Source("upload", "inputs/x/y/z")))
        if job_id in self.deleted or expected.state is not S.AWAITING_UPLOAD:
            assert started is None
            return
        expected.queued_at = self.now
        expected.enter(S.QUEUED)
        self.check(expected, started)

    def cancel(self, job_id: str) -> None:
        self.cancelled(job_id, self.run(self.store.cancel(self.find(job_id).tenant, job_id)))

    def cancelled(self, job_id: str, cancelled: Job | None) -> None:
        expected = self.find(job_id)
        if job_id in self.deleted:
            assert cancelled is None
            return
        change = expected.state not in TERMINAL
        if change:
            expected.enter(S.CANCELLED)
        self.check(expected, cancelled, news=change)

    def retry(self, job_id: str) -> None:
        expected = self.find(job_id)
        again = self.run(self.store.retry(expected.tenant, job_id))
        without_picture = expected.queued_at is None
        if job_id in self.deleted or expected.state not in RETRYABLE or without_picture:
            assert again is None
            return
        expected.crashes = expected.losses = expected.faults = 0
        expected.queued_at = self.now
        expected.enter(S.QUEUED)
        self.check(expected, again)

    def hold(self, job_id: str) -> None:
        """Set it, or lift it."""
        expected = self.find(job_id)
        held = self.run(self.store.hold(expected.tenant, job_id, "model", held=not expected.hold))
        assert (held is None) == (job_id in self.deleted)
        if held is not None:
            expected.hold = not expected.hold
            self.check(expected, held, news=False)

    def delete(self, job_id: str) -> None:
        expected = self.find(job_id)
        gone = self.run(self.store.delete(expected.tenant, job_id))
        assert (gone is None) == (job_id in self.deleted or expected.hold)
        if gone is not None:
            self.check(expected, gone)
            self.deleted.add(job_id)
            expected.events = [(EventKind.DELETED, expected.attempt)]

    # What workers do

    @rule(
        owner=st.sampled_from(OWNERS),
        limit=st.sampled_from([1, 1, 2, 3]),
        writes=st.lists(st.tuples(st.sampled_from(WRITES), PICK), max_size=4),
    )
    def work(self, owner: str, limit: int, writes: list[tuple[str, int]]) -> None:
        """A claim, and writes: most often under one that is held, sometimes under a lost or a forged one."""
        self.claim(owner, limit)
        for write, pick in writes if self.claims else []:
            held = [claim for claim in self.claims if self.holds(claim)]
            claims = held if pick % 4 and held else self.claims
            claim = claims[pick % len(claims)]
            if pick == 15:
                claim = replace(claim, owner="nobody")
            elif pick == 14:
                claim = replace(claim, attempt=claim.attempt + 1)
            getattr(self, write)(claim)

    def claim(self, owner: str, limit: int) -> None:
        won = self.run(self.store.claim(owner, LEASE, limit))
        for job in won:
            assert job.id in self.best(), "not the best job, or one that was not to be had"
            expected = self.expected[job.id]
            expected.attempt += 1
            expected.owner, expected.lease_until = owner, self.now + LEASE
            expected.enter(S.PROCESSING)
            self.check(expected, job)
            self.claims.append(job.claim)
        assert len(won) == limit or not self.best()

    def renew(self, claim: Claim) -> None:
        expected = self.find(claim.job_id)
        held = self.holds(claim)
        assert list(self.run(self.store.renew({claim: 50}, LEASE))) == [claim] * held
        if held:
            expected.lease_until = self.now + LEASE

    def announce(self, claim: Claim) -> None:
        expected, held = self.find(claim.job_id), self.holds(claim)
        steps = [f"early-{number}" for number in range(len(expected.outputs) + 1)] if held else ["early-0"]
        noted = self.run(self.store.announce(claim, [output(claim, step) for step in steps]))
        assert (noted is not None) == held
        if noted is not None:
            expected.outputs = steps
            expected.events += [(EventKind.OUTPUT_READY, expected.attempt)] * len(steps)
            self.check(expected, noted)

    def finish(self, claim: Claim) -> None:
        ended = self.run(self.store.finish(claim, self.completion(claim)))
        self.ended(claim, ended, S.COMPLETED)

    def completion(self, claim: Claim) -> Completion:
        return Completion([output(claim, DONE)], keys={DONE: self.find(claim.job_id).key})

    def fail(self, claim: Claim) -> None:
        completion = Completion(failure=Failure("corrupt", "no end"))
        self.ended(claim, self.run(self.store.finish(claim, completion)), S.FAILED)

    def crash(self, claim: Claim) -> None:
        self.crashed(claim, self.run(self.store.crashed(claim, Failure("crash", "signal 11"))))

    def fault(self, claim: Claim) -> None:
        """A service did not answer: the job waits."""
        self.faulted(claim, FAULT_SECONDS, S.QUEUED)

    def give_up(self, claim: Claim) -> None:
        self.faulted(claim, None, S.FAILED)

    def faulted(self, claim: Claim, seconds: float | None, state: JobState) -> None:
        expected = self.find(claim.job_id)
        if self.holds(claim):
            expected.faults += 1
        after = self.run(self.store.fault(claim, Failure("unavailable", "no answer"), seconds))
        if after is not None and seconds is not None:
            expected.not_before = self.now + seconds
        self.ended(claim, after, state)

    def release(self, claim: Claim) -> None:
        released = self.run(self.store.release([claim]))
        self.ended(claim, released[0] if released else None, S.QUEUED)

    def put_off(self, claim: Claim) -> None:
        """What it needs is left alone: the job waits, at no cost."""
        released = self.run(self.store.release([claim], FAULT_SECONDS))
        if released:
            self.find(claim.job_id).not_before = self.now + FAULT_SECONDS
        self.ended(claim, released[0] if released else None, S.QUEUED)

    def race(self, claim: Claim) -> None:
        """Three ends of one attempt at the same time: one at most is accepted."""

        async def together() -> tuple[Job | None, Job | None, Job | None]:
            return await asyncio.gather(
                self.store.finish(claim, self.completion(claim)),
                self.store.crashed(claim, Failure("crash", "signal 11")),
                self.store.cancel(claim.tenant, claim.job_id),
            )

        held = self.holds(claim)
        finished, crashed, cancelled = self.run(together())
        assert (finished is not None) + (crashed is not None) <= held
        if finished is not None:
            self.ended(claim, finished, S.COMPLETED)
        elif crashed is not None:
            self.crashed(claim, crashed)
        self.cancelled(claim.job_id, cancelled)

    # What the keeper does, and time

    @rule(seconds=st.sampled_from([1.0, LEASE / 2, LEASE, LEASE + 1]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        seconds=st.sampled_from([0.0, 1.0, LEASE + 1]), limit=st.sampled_from([1, 10]), uploads=st.booleans()
    )
    def keep(self, seconds: float, limit: int, uploads: bool) -> None:
        self.now += seconds
        self.rescue(limit)
        self.wake(limit)
        if uploads:
            self.expire_uploads(LEASE)

    def rescue(self, limit: int) -> None:
        lost = {one.id for one in self.living() if one.lease_until is not None and one.lease_until < self.now}
        rescued = self.run(self.store.rescue(limit))
        assert len(rescued) == min(limit, len(lost))
        for job in rescued:
            assert job.id in lost
            expected = self.expected[job.id]
            expected.losses += 1
            expected.enter(S.QUARANTINED if expected.losses >= MAX_LOSSES else S.QUEUED)
            self.check(expected, job)

    def wake(self, limit: int) -> None:
        waiting = [one for one in self.living() if one.state is S.QUEUED and one.not_before is not None]
        due = sorted((one for one in waiting if self.until(one) <= self.now), key=self.until)
        woken = self.run(self.store.wake(limit))
        assert woken.jobs == min(limit, len(due))
        last = self.until(due[woken.jobs - 1]) if woken.jobs else 0.0
        for one in due:
            if self.until(one) > last:
                break
            job = self.run(self.store.get(one.tenant, one.id))
            assert job is not None
            if job.not_before is None:
                one.queued_at = one.not_before if one.not_before == one.scheduled_at else one.queued_at
                one.not_before = None
        left = [self.until(one) for one in waiting if one.not_before is not None]
        assert woken.next_seconds == (max(0.0, min(left) - self.now) if left else None)

    @staticmethod
    def until(one: Expected) -> float:
        assert one.not_before is not None
        return one.not_before

    def expire_uploads(self, older: float) -> None:
        late = {
            one.id
            for one in self.living()
            if one.state is S.AWAITING_UPLOAD and one.created_at < self.now - older
        }
        ended = self.run(self.store.expire_uploads(older, 100))
        assert {job.id for job in ended} == late
        for job in ended:
            self.expected[job.id].enter(S.FAILED)
            self.check(self.expected[job.id], job)

    # The model

    @invariant()
    def counts(self) -> None:
        if hasattr(self, "store"):
            depth = self.run(self.store.depth())
            assert +Counter(depth.by_state) == Counter(one.state for one in self.living())
            queued = [one.queued_at for one in self.waiting() if one.queued_at]
            assert depth.oldest_queued_seconds == (self.now - min(queued) if queued else 0)

    @invariant()
    def recalls(self) -> None:
        if hasattr(self, "store"):
            for tenant in TENANTS:
                made = [one for one in self.living() if one.tenant == tenant and one.state is S.COMPLETED]
                newest = {one.key: one.id for one in sorted(made, key=lambda one: one.id)}
                found = self.run(self.store.recall(tenant, KEYS))
                assert {key: one.output.key.split("/")[2] for key, one in found.items()} == newest

    def find(self, job_id: str) -> Expected:
        return self.expected[job_id]

    def living(self) -> list[Expected]:
        return [one for one in self.expected.values() if one.id not in self.deleted]

    def waiting(self) -> list[Expected]:
        """What can be claimed."""
        return [one for one in self.living() if one.state is S.QUEUED and one.not_before is None]

    def holds(self, claim: Claim) -> bool:
        return claim.job_id not in self.deleted and self.expected[claim.job_id].held(claim)

    def ended(self, claim: Claim, job: Job | None, state: JobState) -> None:
        assert (job is not None) == self.holds(claim)
        if job is not None:
            self.expected[job.id].enter(state)
            self.check(self.expected[job.id], job)

    def crashed(self, claim: Claim, job: Job | None) -> None:
        if job is not None:
            self.expected[job.id].crashes += 1
        crashes = self.expected[claim.job_id].crashes
        self.ended(claim, job, S.QUARANTINED if crashes >= MAX_CRASHES else S.QUEUED)

    def best(self) -> set[str]:
        """The queued jobs that a claim may take now: more than one only where all the rules leave a tie."""
        queued = self.waiting()
        top = [one for one in queued if one.priority == max(other.priority for other in queued)]
        flying = Counter(one.tenant for one in self.living() if one.state is S.PROCESSING)
        fair = [one for one in top if flying[one.tenant] == min(flying[other.tenant] for other in top)]
        return {one.id for one in fair if one.queued_at == min(other.queued_at or 0 for other in fair)}

    def compare_everything(self) -> None:
        for expected in self.expected.values():
            job = self.run(self.store.get(expected.tenant, expected.id))
            if expected.id in self.deleted:
                assert job is None
            else:
                self.check(expected, job, news=False)
            events = self.run(self.store.events(expected.tenant, expected.id, 0, 10_000))
            assert [(event.kind, event.attempt) for event in events] == expected.events
            one_end_per_life([event.kind for event in events])


def output(claim: Claim, step: str) -> Output:
    key = output_key(claim.tenant, claim.job_id, claim.attempt, step, "jpg")
    return Output(step, key, "jpeg", "image/jpeg", 9, "e" * 64)


def one_end_per_life(kinds: list[EventKind]) -> None:
    """Between two ends there is a retry, which queues the job again."""
    for before, after in pairwise(kinds):
        assert not before.terminal or after is EventKind.QUEUED, kinds


Book.TestCase.settings = settings(
    max_examples=int(os.environ.get("MODEL_EXAMPLES", "25")),
    stateful_step_count=int(os.environ.get("MODEL_STEPS", "50")),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestBook = Book.TestCase
