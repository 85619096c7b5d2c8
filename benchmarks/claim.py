"""What a claim costs in a small book and in a large one, with few and with many jobs queued; and what a page
of jobs, usage and a job's place take in both.

Two databases in a temporary folder are claimed from in turn, so that noise of the disk hits both alike. After
each claim the job is finished and another one queued for the same tenant, so neither queue gets shorter.
"""

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pixelflow.adapters.store import transitions
from pixelflow.adapters.store.sqlite import SqliteStore, open_sqlite
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.domain.job import Completion, Job, JobState, Source, new_id
from pixelflow.domain.tenant import day_of
from pixelflow.ports.store import JobFilter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LEASE_SECONDS = 60.0
ALLOWED = 1.2

FILL = """
WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < :jobs)
INSERT INTO job (tenant, id, state, pipeline, source,
    created_at, updated_at, progress, priority, attempt, crashes, losses, queued_at, sequence,
    cost, pixels, charged_on, started_at, finished_at)
SELECT printf('tenant-%04d', n / :step * 7919 % :tenants), printf('%08x-0000-7000-8000-%012x', n / 65536, n),
    CASE WHEN n % :step = 0 THEN 'queued' ELSE 'completed' END,
    '[{"id":"thumb","action":"resize","width":320,"height":240,"format":"webp","quality":80}]',
    printf('{"kind":"upload","key":"inputs/%064x","bytes":250000,"sha256":"%064x"}', n, n),
    :now - 1.0 * :jobs / 1000 + n / 1000.0, :now, 0, 0, 0, 0, 0, :now - 1.0 * :jobs / 1000 + n / 1000.0, 0,
    0.02, 393216, date(:now - n % 30 * 86400, 'unixepoch'),
    CASE WHEN n % :step THEN :now END, CASE WHEN n % :step THEN :now END
FROM n
"""


@dataclass
class Measured:
    """One database and the seconds that its claims took: the whole call, and without the commit; and those of
    its reads by name."""

    jobs: int
    queued: int
    store: SqliteStore
    calls: list[float] = field(default_factory=list)
    statements: list[float] = field(default_factory=list)
    reads: dict[str, list[float]] = field(default_factory=dict)


async def open_filled(path: Path, jobs: int, queued: int, tenants: int) -> Measured:
    """A store with that many jobs, of which some are queued, spread over the tenants."""
    await (await open_sqlite(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -262144")
    with connection:
        step = max(1, jobs // queued)
        connection.execute(FILL, {"jobs": jobs, "step": step, "tenants": tenants, "now": time.time()})
    connection.close()
    return Measured(jobs, queued, await open_sqlite(path))


async def one_claim(measured: Measured) -> None:
    """Claim, finish, and queue another job for the same tenant."""
    store = measured.store

    def claim(tx: Transaction) -> list[Job]:
        begin = time.perf_counter()
        claimed = transitions.claim(tx, "benchmark", LEASE_SECONDS, 1)
        measured.statements.append(time.perf_counter() - begin)
        return claimed

    begin = time.perf_counter()
    (job,) = await store.writer.run(claim)
    measured.calls.append(time.perf_counter() - begin)
    again = Job(job.tenant, new_id(), JobState.QUEUED, job.pipeline, Source("upload"), 0, 0, cost=0.02)
    await store.finish(job.claim, Completion(spent={"decode": 0.01, "encode": 0.01}))
    created = (await store.create(again)).job
    day = day_of(time.time())
    reads: dict[str, Callable[[], Awaitable[object]]] = {
        "page of 50": lambda: store.list_jobs(job.tenant, JobFilter(), 50, None),
        "page of 50 queued": lambda: store.list_jobs(job.tenant, JobFilter(JobState.QUEUED), 50, None),
        "usage of 30 days": lambda: store.tenants.usage(job.tenant, "2000-01-01", day),
        "lanes": store.tenants.lanes,
        "place of the last": lambda: store.tenants.older(created, 10_000),
        "sweep": lambda: store.sweep(100),
    }
    for name, read in reads.items():
        begin = time.perf_counter()
        await read()
        measured.reads.setdefault(name, []).append(time.perf_counter() - begin)


def p95(seconds: list[float]) -> float:
    """In microseconds."""
    return statistics.quantiles(seconds, n=20)[-1] * 1e6


async def run(small: int, large: int, queued: int, tenants: int, claims: int) -> float:
    """Print the table, and answer the ratio of the two p95 with the commit."""
    with tempfile.TemporaryDirectory(prefix="claim-") as folder:
        both = [
            await open_filled(Path(folder, "small.db"), small, small, tenants),
            await open_filled(Path(folder, "large.db"), large, queued, tenants),
        ]
        for turn in range(claims + claims // 10):
            for measured in both:
                await one_claim(measured)
                if turn == claims // 10:  # until here the caches were cold
                    measured.calls.clear()
                    measured.statements.clear()
                    measured.reads.clear()
        for measured in both:
            await measured.store.close()
    print(f"{tenants} tenants, {claims} claims each; p50 and p95 in microseconds")
    print(f"{'jobs':>10} {'queued':>10} {'transaction':>18} {'with its commit':>18}")
    for measured in both:
        columns = [
            f"{statistics.median(s) * 1e6:8.0f} {p95(s):9.0f}" for s in (measured.statements, measured.calls)
        ]
        print(f"{measured.jobs:>10} {measured.queued:>10} {columns[0]:>18} {columns[1]:>18}")
    few, many = both
    for name, seconds in few.reads.items():
        print(f"{name:>21} {p95(seconds):>18.0f} {p95(many.reads[name]):>18.0f}")
    ratio = p95(many.calls) / p95(few.calls)
    inside = p95(many.statements) / p95(few.statements)
    print(f"ratio of p95: {ratio:.2f} (allowed {ALLOWED}), without the commit {inside:.2f}")
    return ratio


def main() -> None:
    """Exit with 1 when more queued jobs make a claim dearer than allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=1_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--queued", type=int, default=100_000, help="of the large one")
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--claims", type=int, default=2_000)
    options = parser.parse_args()
    ratio = asyncio.run(run(options.small, options.large, options.queued, options.tenants, options.claims))
    raise SystemExit(ratio > ALLOWED)


if __name__ == "__main__":
    main()
