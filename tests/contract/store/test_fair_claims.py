"""How claims share what there is between tenants."""

import asyncio
from collections import Counter

from harness.book import LEASE, Time, queued
from pixelflow.domain.job import Completion, Job
from pixelflow.ports.book import Book


async def served(store: Book, time: Time, places: int, rounds: int) -> list[str]:
    """Tenants in the order in which their jobs end, with that many always in flight, the oldest first."""
    flying: list[Job] = list(await store.claim("me", LEASE, places))
    ended = []
    for _ in range(rounds):
        time.now += 0.1
        job = flying.pop(0)
        await store.finish(job.claim, Completion())
        ended.append(job.tenant)
        flying += await store.claim("me", LEASE, places - len(flying))
    return ended


async def test_twice_the_weight_is_twice_as_much_in_flight(store: Book, time: Time) -> None:
    await store.tenants.put("paying", 2.0, {})
    for tenant in ("paying", "free"):
        for _ in range(100):
            await queued(store, tenant)
    first = Counter(job.tenant for job in await store.claim("me", LEASE, 9))
    assert first == {"paying": 6, "free": 3}


async def test_twice_the_weight_is_twice_as_many_done(store: Book, time: Time) -> None:
    await store.tenants.put("paying", 2.0, {})
    for tenant in ("free", "paying"):
        for _ in range(90):
            await queued(store, tenant)
    assert Counter(await served(store, time, 6, 90)) == {"paying": 60, "free": 30}


async def test_a_weight_is_changed_while_jobs_wait(store: Book, time: Time) -> None:
    for tenant in ("a", "b"):
        for _ in range(40):
            await queued(store, tenant)
    assert Counter(job.tenant for job in await store.claim("me", LEASE, 8)) == {"a": 4, "b": 4}
    await store.tenants.put("b", 3.0, {})
    assert Counter(job.tenant for job in await store.claim("me", LEASE, 8)) == {"b": 8}


async def test_a_new_tenant_need_not_wait_for_five_thousand(store: Book, time: Time) -> None:
    for _ in range(20):
        await asyncio.gather(*(queued(store, "large") for _ in range(250)))
    await store.claim("me", LEASE, 4)
    time.now += 60
    for _ in range(20):
        await queued(store, "small")
    ended = await served(store, time, 4, 44)
    assert ended.count("small") == 20
    assert ended.index("small") <= 4
    assert max(index for index, tenant in enumerate(ended) if tenant == "small") < 44


async def test_nobody_starves_among_unequal_tenants(store: Book, time: Time) -> None:
    """Each of twenty gets its part of every two hundred, however much others have queued before."""
    for number in range(20):
        for _ in range(30 if number else 400):
            await queued(store, f"tenant-{number}")
        time.now += 1
    await store.tenants.put("tenant-1", 0.5, {})
    shares = Counter(await served(store, time, 40, 200))
    assert min(shares.values()) >= 4
    assert max(shares.values()) <= 20
    assert len(shares) == 20


async def test_priority_goes_before_fairness_and_age_decides_the_rest(store: Book, time: Time) -> None:
    late = []
    for tenant, priority in (("a", 0), ("a", 0), ("b", 0), ("a", 5), ("a", 5), ("b", -1)):
        late.append(await queued(store, tenant, priority=priority))
        time.now += 1
    order = [job.id for job in await store.claim("me", LEASE, 10)]
    assert order == [late[index].id for index in (3, 4, 2, 0, 1, 5)]
