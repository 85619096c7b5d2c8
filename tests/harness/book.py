"""A store's clock, and jobs in a store as its tests make them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pixelflow.domain.choice import Choice, Trial
from pixelflow.domain.event import EventKind
from pixelflow.domain.job import Job, JobState, Output, Source, new_id
from pixelflow.domain.keys import input_key, output_key
from pixelflow.ports.book import Book
from pixelflow.ports.store import JobStore

Open = Callable[[], Awaitable[Book]]
DAY = 24 * 3600.0
LEASE = 30.0
CHOICE = Choice(61, 0.97, 0.96, (Trial("jpeg", 2000, 80, 0.97), Trial("png", 9000)), {"gif": "too few"})


@dataclass
class Time:
    """A clock that moves when told to; it begins before any id that this run makes."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def job(tenant: str = "local", state: JobState = JobState.QUEUED, **facts: Any) -> Job:
    """A job as a caller makes it, its source stored unless it waits for one."""
    job_id = facts.pop("id", None) or new_id()
    key = input_key(tenant, job_id) if state is JobState.QUEUED else None
    source = facts.pop("source", Source("upload", key, 10, "a" * 64))
    pipeline = [{"id": "thumb", "action": "resize", "width": 100, "note": "größer ☃"}]
    return Job(tenant, job_id, state, pipeline, source, created_at=0.0, updated_at=0.0, **facts)


async def queued(store: JobStore, tenant: str = "local", **facts: Any) -> Job:
    return (await store.create(job(tenant, **facts))).job


async def claimed(store: JobStore, owner: str = "worker") -> Job:
    (found,) = await store.claim(owner, LEASE)
    return found


async def known(store: JobStore, one: Job) -> Job:
    found = await store.get(one.tenant, one.id)
    assert found is not None
    return found


def output(of: Job, step: str = "thumb") -> Output:
    key = output_key(of.tenant, of.id, of.attempt, step, "jpg")
    return Output(step, key, "jpeg", "image/jpeg", 1234, "b" * 64, 100, 75, choice=CHOICE)


async def kinds(store: JobStore, of: Job) -> list[EventKind]:
    return [event.kind for event in await store.events(of.tenant, of.id, 0, 1000)]
