"""What every event hub promises."""

import asyncio
from collections.abc import Callable

import pytest

from pixelflow.adapters.events import open_hub
from pixelflow.domain.errors import StartupError
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import Job, JobState, Source
from pixelflow.ports.events import EventHub, Subscription

BACKENDS: dict[str, Callable[[], EventHub]] = {"memory": lambda: open_hub("memory://")}
SOON = 10.0
"""Seconds after which something that should have come has not."""


@pytest.fixture(params=BACKENDS)
def hub(request: pytest.FixtureRequest) -> EventHub:
    return BACKENDS[request.param]()


def news(
    kind: EventKind, *, tenant: str = "local", job_id: str = "job", sequence: int = 0, progress: int = 0
) -> tuple[Event, Job]:
    job = Job(tenant, job_id, JobState.PROCESSING, [], Source("upload"), 1.0, 2.0, progress=progress)
    return Event(tenant, job_id, kind, 2.0, sequence, progress=progress), job


async def rest(subscription: Subscription) -> list[tuple[Event, Job]]:
    """All that has come."""
    found = []
    while (item := await subscription.get(0.0)) is not None:
        found.append(item)
    return found


async def test_a_listener_hears_its_job_in_order(hub: EventHub) -> None:
    told = [
        news(EventKind.QUEUED, sequence=1),
        news(EventKind.PROGRESS),
        news(EventKind.COMPLETED, sequence=2),
    ]
    with hub.subscribe("local", "job") as subscription:
        for event, job in told:
            hub.publish(event, job)
        assert [await subscription.get(SOON) for _ in told] == told


async def test_news_ends_a_wait(hub: EventHub) -> None:
    told = news(EventKind.COMPLETED)
    with hub.subscribe("local", "job") as subscription:
        waiter = asyncio.create_task(subscription.get(SOON))
        await asyncio.sleep(0)
        assert not waiter.done()
        hub.publish(*told)
        assert await waiter == told


async def test_silence_is_answered_with_none(hub: EventHub) -> None:
    with hub.subscribe("local", "job") as subscription:
        assert await subscription.get(0.01) is None


async def test_other_jobs_and_other_tenants_are_not_heard(hub: EventHub) -> None:
    with hub.subscribe("local", "job") as one, hub.subscribe("local") as all_of_tenant:
        hub.publish(*news(EventKind.QUEUED, tenant="other"))
        hub.publish(*news(EventKind.QUEUED, job_id="another"))
        hub.publish(*news(EventKind.QUEUED))
        assert [event.job_id for event, _ in await rest(one)] == ["job"]
        assert [(event.tenant, event.job_id) for event, _ in await rest(all_of_tenant)] == [
            ("local", "another"),
            ("local", "job"),
        ]


async def test_every_listener_hears_it(hub: EventHub) -> None:
    told = news(EventKind.COMPLETED)
    with hub.subscribe("local", "job") as first, hub.subscribe("local", "job") as second:
        hub.publish(*told)
        assert [await first.get(SOON), await second.get(SOON)] == [told, told]


async def test_one_who_has_left_changes_nothing_for_the_others(hub: EventHub) -> None:
    with hub.subscribe("local", "job") as staying:
        with hub.subscribe("local", "job"):
            pass
        hub.publish(*news(EventKind.COMPLETED))
        assert await staying.get(SOON) == news(EventKind.COMPLETED)


async def test_a_slow_reader_loses_progress_first(hub: EventHub) -> None:
    with hub.subscribe("local", "job") as subscription:
        hub.publish(*news(EventKind.PROCESSING, sequence=1))
        for percent in range(1000):
            hub.publish(*news(EventKind.PROGRESS, progress=percent % 100))
        hub.publish(*news(EventKind.COMPLETED, sequence=2))
        kinds = [event.kind for event, _ in await rest(subscription)]
    assert len(kinds) < 1000
    assert [kind for kind in kinds if kind is not EventKind.PROGRESS] == [
        EventKind.PROCESSING,
        EventKind.COMPLETED,
    ]


async def test_a_reader_who_lost_more_than_progress_is_told_once(hub: EventHub) -> None:
    with hub.subscribe("local") as subscription:
        for sequence in range(1, 1001):
            hub.publish(*news(EventKind.QUEUED, sequence=sequence))
        assert await subscription.get(SOON) is None
        kept = [event.sequence for event, _ in await rest(subscription)]
    assert kept == list(range(1001 - len(kept), 1001))
    assert 0 < len(kept) < 1000


def test_an_address_that_names_no_hub_stops_the_start() -> None:
    with pytest.raises(StartupError, match="there is memory://"):
        open_hub("smoke://signals")
