"""One job for one idempotency key."""

import asyncio

import pytest

from harness.book import DAY, Time, claimed, job
from pixelflow.domain.asset import Asset
from pixelflow.domain.errors import InvalidRequest
from pixelflow.ports.store import IdempotencyKey, JobFilter, JobStore


async def test_the_same_key_and_request_give_the_same_job(store: JobStore) -> None:
    key = IdempotencyKey("once", "fingerprint")
    first = await store.create(job(), key)
    again = await store.create(job(), key)
    assert again.replayed
    assert again.job == first.job
    assert (await store.list_jobs("local", JobFilter(), 10, None)).items == [first.job]


async def test_a_replay_answers_the_job_as_it_is_now(store: JobStore) -> None:
    key = IdempotencyKey("once", "fingerprint")
    await store.create(job(), key)
    running = await claimed(store)
    assert (await store.create(job(), key)).job == running


async def test_a_key_for_another_request_is_refused(store: JobStore) -> None:
    await store.create(job(), IdempotencyKey("once", "this"))
    with pytest.raises(InvalidRequest) as refused:
        await store.create(job(), IdempotencyKey("once", "that"))
    assert refused.value.code == "idempotency_mismatch"
    assert len((await store.list_jobs("local", JobFilter(), 10, None)).items) == 1


async def test_a_key_belongs_to_its_tenant(store: JobStore) -> None:
    key = IdempotencyKey("once", "fingerprint")
    mine = await store.create(job(), key)
    theirs = await store.create(job("other"), key)
    assert not theirs.replayed
    assert mine.job.id != theirs.job.id


async def test_a_key_is_forgotten_after_a_day(store: JobStore, time: Time) -> None:
    key, other = IdempotencyKey("once", "this"), IdempotencyKey("once", "that")
    first = await store.create(job(), key)
    time.now += DAY - 1
    assert (await store.create(job(), key)).job == first.job
    time.now += 1
    assert not (await store.create(job(), other)).replayed


async def test_a_deleted_jobs_key_makes_a_new_one(store: JobStore) -> None:
    key = IdempotencyKey("once", "fingerprint")
    first = await store.create(job(), key)
    await store.delete("local", first.job.id)
    assert not (await store.create(job(), key)).replayed


async def test_of_many_at_once_with_one_key_one_makes_the_job(store: JobStore) -> None:
    key = IdempotencyKey("once", "fingerprint")
    answers = await asyncio.gather(*(store.create(job(), key) for _ in range(50)))
    assert sum(not answer.replayed for answer in answers) == 1
    assert len({answer.job.id for answer in answers}) == 1


async def test_an_assets_key_is_for_one_picture(store: JobStore) -> None:
    first, other = asset("a"), asset("b")
    kept = await store.put_asset(first, IdempotencyKey("once", "a"))
    assert await store.put_asset(first, IdempotencyKey("once", "a")) == kept
    with pytest.raises(InvalidRequest) as refused:
        await store.put_asset(other, IdempotencyKey("once", "b"))
    assert refused.value.code == "idempotency_mismatch"
    assert await store.get_asset("local", other.id) is None


async def test_a_key_is_for_one_kind_of_thing(store: JobStore) -> None:
    await store.put_asset(asset("a"), IdempotencyKey("once", "a"))
    with pytest.raises(InvalidRequest):
        await store.create(job(), IdempotencyKey("once", "fingerprint"))


def asset(name: str) -> Asset:
    return Asset("local", f"ast_{name}", f"assets/local/{name}", "png", "image/png", 9, name * 64, 1.0)
