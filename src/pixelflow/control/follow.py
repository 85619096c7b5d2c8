"""Live news of jobs for those who listen: what they missed, what is, and what happens."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from pixelflow.control.jobs import SLICE_SECONDS, Jobs
from pixelflow.domain.errors import UnknownId
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import TERMINAL, Job, JobState
from pixelflow.ports.store import JobFilter

MISSED_LIMIT = 1000
"""Most stored events that a returning listener is told; a longer absence starts with a snapshot."""
SNAPSHOT_JOBS = 50


@dataclass(frozen=True, slots=True)
class News:
    """A job as it is or was; ``sequence`` is where to resume, 0 for progress.

    ``ended`` when the job stays like this; a deleted one is gone, and ``job`` is ``None``.
    """

    job_id: str
    job: Job | None
    sequence: int
    progress: int = 0
    ended: bool = False


async def follow_job(
    jobs: Jobs, tenant: str, job_id: str, after: int | None, quiet_seconds: float
) -> AsyncIterator[News | None]:
    """One job until it ends: a snapshot or what was missed since ``after``, then every change, then the end.

    ``None`` comes after ``quiet_seconds`` without news. Raises UnknownId.
    """
    with jobs.hub.subscribe(tenant, job_id) as subscription:
        job = await jobs.get(tenant, job_id)
        seen = 0
        for news in await _missed(jobs, job, after) or [_now(job)]:
            seen = max(seen, news.sequence)
            yield news
        if job.terminal:
            yield replace(_now(job), ended=True)
            return
        quiet_since = time.monotonic()
        while not jobs.stopping():
            got = await subscription.get(min(quiet_seconds, SLICE_SECONDS))
            if got is None:
                try:
                    job = await jobs.get(tenant, job_id)
                except UnknownId:
                    yield _gone(job_id)
                    return
                found = replace(_now(job), ended=job.terminal) if job.sequence > seen else None
            else:
                found = _live(*got, seen)
            if found is not None:
                seen = max(seen, found.sequence)
                quiet_since = time.monotonic()
                yield found
                if found.ended:
                    return
            elif time.monotonic() - quiet_since >= quiet_seconds:
                quiet_since = time.monotonic()
                yield None


async def follow_tenant(
    jobs: Jobs, tenant: str, after: int | None, quiet_seconds: float
) -> AsyncIterator[News | None]:
    """All of a tenant's jobs: the newest ones or what was missed since ``after``, then every change."""
    with jobs.hub.subscribe(tenant) as subscription:
        shown: dict[str, int] = {}
        if after is None:
            page = await jobs.list(tenant, JobFilter(), SNAPSHOT_JOBS, None)
            for job in sorted(page.items, key=lambda job: job.sequence):
                shown[job.id] = job.sequence
                yield _now(job)
        seen = after if after is not None else max(shown.values(), default=0)
        async for news in _stored(jobs, tenant, after):
            seen = max(seen, news.sequence)
            shown[news.job_id] = news.sequence
            yield news
        quiet_since = time.monotonic()
        while not jobs.stopping():
            got = await subscription.get(min(quiet_seconds, SLICE_SECONDS))
            if got is None:
                found = [news async for news in _stored(jobs, tenant, seen)]
            else:
                live = _live(*got, shown.get(got[1].id, 0))
                found = [live] if live else []
            for news in found:
                seen = max(seen, news.sequence)
                yield news
            if found:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= quiet_seconds:
                quiet_since = time.monotonic()
                yield None


async def _missed(jobs: Jobs, job: Job, after: int | None) -> list[News]:
    if after is None:
        return []
    events = await jobs.store.events(job.tenant, job.id, after, MISSED_LIMIT)
    return [_then(job, event) for event in events if event.sequence <= job.sequence]


async def _stored(jobs: Jobs, tenant: str, after: int | None) -> AsyncIterator[News]:
    if after is None:
        return
    for event in await jobs.store.events(tenant, None, after, MISSED_LIMIT):
        job = await jobs.store.get(tenant, event.job_id)
        if event.kind is EventKind.DELETED:
            yield _gone(event.job_id, event.sequence)
        elif job is not None:
            yield replace(_then(job, event), ended=event.sequence == job.sequence and job.terminal)


def _now(job: Job) -> News:
    return News(job.id, job, job.sequence, job.progress)


def _gone(job_id: str, sequence: int = 0) -> News:
    return News(job_id, None, sequence, ended=True)


def _then(job: Job, event: Event) -> News:
    """A past event on a job that may have gone on since."""
    if event.sequence >= job.sequence:
        return _now(job)
    state = JobState(event.kind.removeprefix("job."))
    then = replace(job, state=state, attempt=event.attempt, progress=event.progress, sequence=event.sequence)
    if state not in TERMINAL:
        then = replace(then, outputs=(), skipped=(), error=None, finished_at=None)
    return _now(then)


def _live(event: Event, job: Job, seen: int) -> News | None:
    if event.kind is EventKind.PROGRESS:
        return News(job.id, job, 0, event.progress)
    if event.sequence <= seen:
        return None
    if event.kind is EventKind.DELETED:
        return _gone(job.id, event.sequence)
    return replace(_now(job), ended=job.terminal)
