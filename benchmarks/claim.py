"""What a claim costs with few and with many jobs queued.

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

from pixelflow.adapters.store import transitions
from pixelflow.adapters.store.sqlite import SqliteStore, open_sqlite
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.domain.job import Completion, Job, JobState, Source, new_id

LEASE_SECONDS = 60.0
ALLOWED = 1.2

FILL = """
WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < :jobs)
INSERT INTO job (tenant, id, state, pipeline, source,
    created_at, updated_at, progress, priority, attempt, crashes, losses, queued_at, sequence)
SELECT printf('tenant-%04d', n * 7919 % :tenants), printf('%08x-0000-7000-8000-%012x', n / 65536, n),
    'queued',
    '[{"id":"thumb","action":"resize","width":320,"height":240,"format":"webp","quality":80}]',
    printf('{"kind":"upload","key":"inputs/%064x","bytes":250000,"sha256":"%064x"}', n, n),
    :now - 1.0 * :jobs / 1000 + n / 1000.0, :now, 0, 0, 0, 0, 0, :now - 1.0 * :jobs / 1000 + n / 1000.0, 0
FROM n
"""


@dataclass
class Measured:
    """One database and the seconds that its claims took: the whole call, and without the commit."""

    jobs: int
    store: SqliteStore
    calls: list[float] = field(default_factory=list)
    statements: list[float] = field(default_factory=list)


async def open_filled(path: Path, jobs: int, tenants: int) -> Measured:
    """A store with that many jobs queued, spread over the tenants."""
    await (await open_sqlite(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -262144")
    with connection:
        connection.execute(FILL, {"jobs": jobs, "tenants": tenants, "now": time.time()})
    connection.close()
    return Measured(jobs, await open_sqlite(path))


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
    again = Job(job.tenant, new_id(), JobState.QUEUED, job.pipeline, Source("upload"), 0, 0)
    await store.finish(job.claim, Completion())
    await store.create(again)


def p95(seconds: list[float]) -> float:
    """In microseconds."""
    return statistics.quantiles(seconds, n=20)[-1] * 1e6


async def run(small: int, large: int, tenants: int, claims: int) -> float:
    """Print the table, and answer the ratio of the two p95 with the commit."""
    with tempfile.TemporaryDirectory(prefix="claim-") as folder:
        both = [await open_filled(Path(folder, f"{jobs}.db"), jobs, tenants) for jobs in (small, large)]
        for turn in range(claims + claims // 10):
            for measured in both:
                await one_claim(measured)
                if turn == claims // 10:  # until here the caches were cold
                    measured.calls.clear()
                    measured.statements.clear()
        for measured in both:
            await measured.store.close()
    print(f"{tenants} tenants, {claims} claims each; p50 and p95 in microseconds")
    print(f"{'queued':>10} {'transaction':>18} {'with its commit':>18}")
    for measured in both:
        columns = [
            f"{statistics.median(s) * 1e6:8.0f} {p95(s):9.0f}" for s in (measured.statements, measured.calls)
        ]
        print(f"{measured.jobs:>10} {columns[0]:>18} {columns[1]:>18}")
    few, many = both
    ratio = p95(many.calls) / p95(few.calls)
    inside = p95(many.statements) / p95(few.statements)
    print(f"ratio of p95: {ratio:.2f} (allowed {ALLOWED}), without the commit {inside:.2f}")
    return ratio


def main() -> None:
    """Exit with 1 when more queued jobs make a claim dearer than allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=1_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--claims", type=int, default=2_000)
    options = parser.parse_args()
    ratio = asyncio.run(run(options.small, options.large, options.tenants, options.claims))
    raise SystemExit(ratio > ALLOWED)


if __name__ == "__main__":
    main()
