"""Live news of jobs for those who listen: what they missed, what is, and what happens."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from pixelflow.control.jobs import SLICE_SECONDS, Jobs
from pixelflow.domain.errors import UnknownId
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import TERMINAL, Job, JobState, Output
from pixelflow.ports.store import JobFilter

MISSED_LIMIT = 1000
"""Stored events that are read at once; of a single job no more are told."""
SNAPSHOT_JOBS = 50


@dataclass(frozen=True, slots=True)
class News:
    """A job as it is or was; ``sequence`` is where to resume, 0 for what is not stored.

    ``ended`` when the job stays like this; a deleted one is gone, and ``job`` is ``None``.
    ``output`` when the news is that it can be fetched; ``batch``, in JSON, when it is that one has ended,
    and ``job_id`` its id.
    """

    job_id: str
    job: Job | None
    sequence: int
    progress: int = 0
    ended: bool = False
    output: Output | None = None
    batch: str | None = None


async def follow_job(
    jobs: Jobs, tenant: str, job_id: str, after: int | None, quiet_seconds: float
) -> AsyncIterator[News | None]:
    """One job until it ends: a snapshot or what was missed since ``after``, then every change, then the end.

    Each output is told of once before the end. ``None`` comes after ``quiet_seconds`` without news. Raises
    UnknownId.
    """
    told: set[str] = set()
    async for news in _follow_job(jobs, tenant, job_id, after, quiet_seconds):
        if news and news.output:
            told.add(news.output.key)
        if news and news.ended and news.job:
            for output in news.job.outputs:
                # A returning listener was told of those that have an event, before or just now.
                if output.key not in told and (after is None or output.ready_at is None):
                    yield News(job_id, news.job, 0, news.progress, output=output)
        yield news


async def _follow_job(
    jobs: Jobs, tenant: str, job_id: str, after: int | None, quiet_seconds: float
) -> AsyncIterator[News | None]:
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
                found = await _missed(jobs, job, seen) if job.sequence > seen else []
                if found and job.terminal:
                    found[-1] = replace(_now(job), ended=True)
            else:
                found = _live(*got, seen)
            for news in found:
                seen = max(seen, news.sequence)
                yield news
                if news.ended:
                    return
            if found:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= quiet_seconds:
                quiet_since = time.monotonic()
                yield None


async def follow_tenant(
    jobs: Jobs, tenant: str, after: int | None, quiet_seconds: float
) -> AsyncIterator[News | None]:
    """All of a tenant's jobs: the newest ones or what was missed since ``after``, then every change.

    Each output is told of before its job's end.
    """
    async for news in _follow_tenant(jobs, tenant, after, quiet_seconds):
        if news and news.ended and news.job:
            for output in news.job.outputs:
                if output.ready_at is None:
                    yield News(news.job_id, news.job, 0, news.progress, output=output)
        yield news


async def _follow_tenant(
    jobs: Jobs, tenant: str, after: int | None, quiet_seconds: float
) -> AsyncIterator[News | None]:
    with jobs.hub.subscribe(tenant) as subscription:
        shown: dict[str, int] = {}
        if after is None:
            page = await jobs.list(tenant, JobFilter(), SNAPSHOT_JOBS, None)
            for job in sorted(page.items, key=lambda job: job.sequence):
                shown[job.id] = job.sequence
                yield _now(job)
        seen = after if after is not None else max(shown.values(), default=0)
        told, behind = 0, after is not None
        quiet_since = time.monotonic()
        while not jobs.stopping():
            got = None if behind else await subscription.get(min(quiet_seconds, SLICE_SECONDS))
            if got is None:
                events = await jobs.store.events(tenant, None, seen, MISSED_LIMIT)
                behind = len(events) == MISSED_LIMIT
                if events:
                    seen = told = events[-1].sequence  # some of these lie in the inbox as well
                found = [news for event in events for news in await _past(jobs, event)]
            else:
                found = _live(*got, max(told, shown.get(got[0].job_id, 0)))
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
    return [news for event in events if event.sequence <= job.sequence for news in _then(job, event)]


async def _past(jobs: Jobs, event: Event) -> list[News]:
    if event.kind is EventKind.DELETED:
        return [_gone(event.job_id, event.sequence)]
    if event.kind is EventKind.BATCH_COMPLETED:
        return [_batch(event)]
    job = await jobs.store.get(event.tenant, event.job_id)
    if job is None:
        return []
    ended = event.sequence == job.sequence and job.terminal
    return [replace(news, ended=ended) for news in _then(job, event)]


def _now(job: Job) -> News:
    return News(job.id, job, job.sequence, job.progress)


def _gone(job_id: str, sequence: int = 0) -> News:
    return News(job_id, None, sequence, ended=True)


def _batch(event: Event) -> News:
    return News(event.job_id, None, event.sequence, batch=event.output)


def _ready(job: Job, event: Event) -> list[News]:
    found = (output for output in job.outputs if output.id == event.output)
    return [News(job.id, job, event.sequence, event.progress, output=output) for output in found]


def _then(job: Job, event: Event) -> list[News]:
    """A past event on a job that may have gone on since; nothing of an output that has gone since."""
    if event.kind is EventKind.OUTPUT_READY:
        return _ready(job, event) if event.attempt == job.attempt else []
    if event.sequence >= job.sequence:
        return [_now(job)]
    state = JobState(event.kind.removeprefix("job."))
    then = replace(job, state=state, attempt=event.attempt, progress=event.progress, sequence=event.sequence)
    if state not in TERMINAL:
        then = replace(then, outputs=(), skipped=(), error=None, finished_at=None)
    return [_now(then)]


def _live(event: Event, job: Job, seen: int) -> list[News]:
    if event.kind is EventKind.PROGRESS:
        return [News(job.id, job, 0, event.progress)]
    if event.sequence <= seen:
        return []
    if event.kind is EventKind.DELETED:
        return [_gone(job.id, event.sequence)]
    if event.kind is EventKind.BATCH_COMPLETED:
        return [_batch(event)]
    if event.kind is EventKind.OUTPUT_READY:
        return _ready(job, event)
    return [replace(_now(job), ended=job.terminal)]
