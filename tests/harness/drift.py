"""Whether a tenant's counters are those of its jobs."""

import json
import sqlite3
from collections import Counter
from typing import Any

from pixelflow.domain.job import Job, JobState
from pixelflow.ports.book import Book
from pixelflow.ports.store import JobFilter


def charge(job: Job) -> Counter[str]:
    """What a job counts for on the day on which it was charged."""
    if job.terminal and job.started_at is None:
        return Counter()
    seconds = job.spent if job.spent is not None else job.cost or 0.0
    return Counter(
        jobs=1, bytes=job.source.bytes or 0, pixels=job.pixels or 0, microseconds=round(seconds * 1e6)
    )


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
        counted = days.pop(day.day, Counter())
        if abs(counted["microseconds"] - day.cpu_seconds * 1e6) <= 1 + counted["jobs"]:  # of rounding
            counted["microseconds"] = round(day.cpu_seconds * 1e6)
        microseconds = round(day.cpu_seconds * 1e6)
        usage = Counter(jobs=day.jobs, bytes=day.bytes, pixels=day.pixels, microseconds=microseconds)
        found[day.day] = (+usage, +counted)
    found |= {day: (None, counted) for day, counted in days.items()}
    return {name: (said, counted) for name, (said, counted) in found.items() if said != counted}


def counters_off(book: sqlite3.Connection) -> int:
    """How many counters of all tenants are not those of the rows, in a stopped server's database."""
    held: dict[str, Counter[str]] = {}
    used: dict[tuple[str, str], Counter[str]] = {}
    for row in book.execute(
        "SELECT tenant, state, source, outputs, cost, pixels, charged_on, spent, started_at,"
        " coalesce(referred_bytes, 0) FROM job"
    ):
        tenant, state, source, outputs, cost, pixels, day, spent, started, referred = row
        facts = json.loads(source)
        size = facts.get("bytes") or 0
        made: list[Any] = json.loads(outputs) if outputs else []
        kept = sum(output["bytes"] for output in made if output["key"])
        waits = state == "queued"
        held.setdefault(tenant, Counter()).update(
            stored=kept + (size if facts.get("key") else 0),
            jobs=int(waits),
            milliseconds=round(1000 * (cost or 0)) * waits,
        )
        if state in {"completed", "failed", "cancelled", "quarantined"} and started is None:
            continue
        seconds = (cost or 0) if spent is None else spent
        used.setdefault((tenant, day), Counter()).update(
            jobs=1, bytes=size + referred, pixels=pixels or 0, microseconds=round(seconds * 1e6)
        )
    for tenant, size in book.execute("SELECT tenant, bytes FROM asset"):
        held.setdefault(tenant, Counter()).update(stored=size)
    off = 0
    for tenant, *told in book.execute(
        "SELECT tenant, stored_bytes, queued_jobs, queued_milliseconds FROM tenant"
    ):
        found = held.pop(tenant, Counter())
        off += told != [found["stored"], found["jobs"], found["milliseconds"]]
    for tenant, day, jobs, size, pixels, seconds in book.execute(
        "SELECT tenant, day, jobs, bytes, pixels, cpu_seconds FROM usage"
    ):
        found = used.pop((tenant, day), Counter())
        off += [jobs, size, pixels] != [found["jobs"], found["bytes"], found["pixels"]]
        off += abs(round(seconds * 1e6) - found["microseconds"]) > 1 + found["jobs"]
    return off + len(used) + len(held)
