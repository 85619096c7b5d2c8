"""Whether a tenant's counters are those of its jobs."""

from collections import Counter

from pixelflow.domain.job import Job, JobState
from pixelflow.ports.book import Book
from pixelflow.ports.store import JobFilter


def charge(job: Job) -> Counter[str]:
    """What a job counts for on the day on which it was charged."""
    if job.terminal and job.started_at is None:
        return Counter()
    seconds = job.spent if job.spent is not None else job.cost or 0.0
    milliseconds = round(seconds * 1000)
    return Counter(jobs=1, bytes=job.source.bytes or 0, pixels=job.pixels or 0, milliseconds=milliseconds)


async def drift(store: Book, tenant: str) -> dict[str, tuple[object, object]]:
    """What is told and what the jobs say, where they differ; for a tenant without assets of which no job was
    retried, or deleted after it was begun."""
    jobs: list[Job] = []
    cursor = None
    while True:
        page = await store.list_jobs(tenant, JobFilter(), 200, cursor)
        jobs += page.items
        if (cursor := page.cursor) is None:
            break
    told = await store.tenants.get(tenant)
    waiting = [job for job in jobs if job.state is JobState.QUEUED]
    sources = sum(job.source.bytes or 0 for job in jobs if job.source.key)
    outputs = sum(made.bytes for job in jobs for made in job.outputs)
    found: dict[str, tuple[object, object]] = {
        "queued_jobs": (told.queued_jobs, len(waiting)),
        "queued_cpu_seconds": (told.queued_cpu_seconds, round(sum(job.cost or 0.0 for job in waiting), 3)),
        "stored_bytes": (
            told.stored_bytes,
            sources + outputs,
        ),
    }
    days: dict[str, Counter[str]] = {}
    for job in jobs:
        days.setdefault(job.charged_on or "never", Counter()).update(charge(job))
    for day in await store.tenants.usage(tenant, "0000", "9999"):
        usage = Counter(
            jobs=day.jobs, bytes=day.bytes, pixels=day.pixels, milliseconds=round(day.cpu_seconds * 1000)
        )
        found[day.day] = (+usage, +days.pop(day.day, Counter()))
    found |= {day: (None, counted) for day, counted in days.items()}
    return {name: (said, counted) for name, (said, counted) in found.items() if said != counted}
