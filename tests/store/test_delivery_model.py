"""Random interleavings of ends, claims, answers and losses against a plain model of what each delivery is.

``MODEL_EXAMPLES`` and ``MODEL_STEPS`` in the environment make longer runs.
"""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harness.book import queued
from pixelflow.adapters.store import open_store
from pixelflow.domain.signature import new_secret
from pixelflow.domain.webhook import (
    EVENTS,
    Attempt,
    DeliveryState,
    Endpoint,
    EndpointState,
    Parcel,
    Secret,
    Verdict,
    endpoint_id,
)
from pixelflow.ports.webhooks import DeliveryFilter

T = TypeVar("T")
PENDING, DELIVERED, DEAD = DeliveryState
LEASE = 10.0
RETRY = 5.0
ORIGIN = "https://client.example"
OWN_URL = f"{ORIGIN}/hook"
TENANTS = ["anna", "bert"]
PICK = st.integers(0, 9)
ANSWERS = {
    "good": Verdict(DELIVERED),
    "bad": Verdict(PENDING, RETRY),
    "last": Verdict(DEAD),
    "gone": Verdict(DEAD, gone=True),
}


@dataclass
class Expected:
    """What a delivery must be; ``due`` is when it may be claimed, ``held`` who has it."""

    tenant: str
    job_id: str
    endpoint: str | None
    state: DeliveryState
    due: float
    tries: int = 0
    held: Parcel | None = None


class Log(RuleBasedStateMachine):
    """A store beside its model; every answer is compared at once, and the whole log after each step."""

    @initialize()
    def begin(self) -> None:
        self.now = 1_000.0
        self.expected: dict[str, Expected] = {}
        self.enabled: dict[str, bool] = {}
        self.hooks: dict[str, str] = {}
        self.held: list[Parcel] = []
        self.folder = tempfile.TemporaryDirectory(prefix="model-")
        self.runner = asyncio.Runner()
        self.address = f"sqlite:///{Path(self.folder.name) / 'jobs.db'}"
        self.open()
        for tenant in TENANTS:
            new = Endpoint(tenant, endpoint_id(), "https://r.example/", EVENTS, (Secret(new_secret()),))
            self.run(self.store.webhooks.add(new, 1))
            self.hooks[tenant], self.enabled[new.id] = new.id, True

    def open(self) -> None:
        self.store = self.run(open_store(self.address, lambda: self.now))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.run(self.store.close())
            self.runner.close()
            self.folder.cleanup()

    def log(self, tenant: str, **where: Any) -> dict[str, Any]:
        page = self.run(self.store.webhooks.deliveries(tenant, DeliveryFilter(**where), 10_000, None))
        return {each.id: each for each in page.items}

    @rule(tenant=st.sampled_from(TENANTS), own=st.booleans())
    def end_a_job(self, tenant: str, own: bool) -> None:
        created = self.run(queued(self.store, tenant, webhook_url=OWN_URL if own else None))
        self.run(self.store.cancel(tenant, created.id))
        made = self.log(tenant, job_id=created.id)
        hook = self.hooks[tenant]
        assert {each.endpoint_id for each in made.values()} == ({hook, None} if own else {hook})
        assert len(made) == 1 + own
        assert len({each.message_id for each in made.values()}) == 1
        for found in made.values():
            dead = found.endpoint_id is not None and not self.enabled[hook]
            state = DEAD if dead else PENDING
            self.expected[found.id] = Expected(tenant, created.id, found.endpoint_id, state, self.now)

    @rule(limit=st.integers(1, 6), lane_limit=st.integers(1, 3))
    def claim(self, limit: int, lane_limit: int) -> None:
        claimed = self.run(self.store.webhooks.claim("me", LEASE, limit, lane_limit, {}))
        lanes = Counter((each.delivery.tenant, each.delivery.lane) for each in claimed.parcels)
        assert len(claimed.parcels) <= limit
        assert all(count <= lane_limit for count in lanes.values())
        for parcel in claimed.parcels:
            model = self.expected[parcel.delivery.id]
            assert (model.state, model.due <= self.now) == (PENDING, True), "in hand, or not due yet"
            assert model.endpoint is None or self.enabled[model.endpoint]
            assert parcel.message.job is not None
            assert parcel.message.job.id == model.job_id
            model.due, model.held = self.now + LEASE, parcel
            self.held.append(parcel)
        waiting = self.due()
        for model in waiting:
            if model.endpoint is not None and not self.enabled[model.endpoint]:
                model.state, model.held = DEAD, None
        if len(claimed.parcels) < limit:
            left = [each for each in waiting if each.state is PENDING]
            assert all(lanes[each.tenant, each.endpoint or ORIGIN] == lane_limit for each in left)

    def due(self) -> list[Expected]:
        return [each for each in self.expected.values() if each.state is PENDING and each.due <= self.now]

    @precondition(lambda self: getattr(self, "held", None))
    @rule(pick=PICK, answer=st.sampled_from(sorted(ANSWERS)))
    def conclude(self, pick: int, answer: str) -> None:
        parcel = self.held[pick % len(self.held)]
        model, verdict = self.expected.get(parcel.delivery.id), ANSWERS[answer]
        attempt = Attempt(parcel.delivery.attempts + 1, self.now, 0.1, 200)
        disabled = self.run(self.store.webhooks.conclude(parcel, attempt, verdict, 1e9))
        if model is None or model.held is not parcel:
            assert disabled is None
            return
        model.state, model.due, model.held = verdict.state, self.now + verdict.retry_seconds, None
        model.tries += 1
        if verdict.gone and model.endpoint and self.enabled[model.endpoint]:
            assert disabled is not None
            assert disabled.state is EndpointState.DISABLED
            self.enabled[model.endpoint] = False
        else:
            assert disabled is None

    @precondition(lambda self: getattr(self, "held", None))
    @rule(pick=PICK)
    def release(self, pick: int) -> None:
        parcel = self.held[pick % len(self.held)]
        self.run(self.store.webhooks.release([parcel]))
        model = self.expected.get(parcel.delivery.id)
        if model is not None and model.held is parcel:
            model.due, model.held = self.now, None

    @precondition(lambda self: getattr(self, "expected", None))
    @rule(pick=PICK)
    def redeliver(self, pick: int) -> None:
        delivery_id = list(self.expected)[pick % len(self.expected)]
        model = self.expected[delivery_id]
        again = self.run(self.store.webhooks.redeliver(model.tenant, delivery_id))
        assert again is not None
        if model.held is None:
            model.state, model.due = PENDING, self.now
        assert (again.state, again.next_at) == (PENDING, model.due)

    @precondition(lambda self: getattr(self, "expected", None))
    @rule(pick=PICK)
    def delete_a_job(self, pick: int) -> None:
        one = list(self.expected.values())[pick % len(self.expected)]
        self.run(self.store.delete(one.tenant, one.job_id))
        self.expected = {key: each for key, each in self.expected.items() if each.job_id != one.job_id}

    @rule(tenant=st.sampled_from(TENANTS))
    def enable(self, tenant: str) -> None:
        self.run(self.store.webhooks.enable(tenant, self.hooks[tenant]))
        self.enabled[self.hooks[tenant]] = True

    @rule(seconds=st.sampled_from([1.0, RETRY, LEASE]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def open_again(self) -> None:
        self.run(self.store.close())
        self.open()
        for parcel in self.held:
            model = self.expected.get(parcel.delivery.id)
            if model is not None and model.held is parcel:
                model.due, model.held = 0.0, None
        self.held.clear()

    @invariant()
    def everything_is_as_expected(self) -> None:
        if not hasattr(self, "store"):
            return
        found = {key: each for tenant in TENANTS for key, each in self.log(tenant).items()}
        assert {key: (each.state, each.attempts) for key, each in found.items()} == {
            key: (each.state, each.tries) for key, each in self.expected.items()
        }
        pending = {key: each.due for key, each in self.expected.items() if each.state is PENDING}
        assert {key: found[key].next_at for key in pending} == pending
        assert self.run(self.store.webhooks.backlog()).pending == len(pending)


TestLog = Log.TestCase
TestLog.settings = settings(
    max_examples=int(os.environ.get("MODEL_EXAMPLES", "10")),
    stateful_step_count=int(os.environ.get("MODEL_STEPS", "40")),
    deadline=None,
    database=None,
    derandomize="MODEL_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
