"""A tenant with much to do beside one with little: the little one hardly notices.

``NEIGHBOUR_JOBS`` in the environment makes the large one larger.
"""

import asyncio
import os
import statistics
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.drift import drift
from harness.pictures import encoded, photo
from pixelflow.bootstrap import System, assemble
from pixelflow.settings import Settings

LARGE = int(os.environ.get("NEIGHBOUR_JOBS", "400"))
SMALL = AT_ONCE = 20
WAIT_SECONDS = 120.0
STEPS = [{"id": "thumb", "action": "thumbnail", "width": 400, "format": "webp"}]


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    settings = Settings(
        db_path=tmp_path / "jobs.db",
        upload_dir=tmp_path / "uploads",
        output_dir=tmp_path / "outputs",
        worker_pool_size=2,
        step_cache=False,
        min_free_bytes=0,
    )
    async with assemble(settings, lambda: False) as assembled:
        worker = asyncio.create_task(assembled.worker.run())
        try:
            yield assembled
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
            await assembled.worker.drain(WAIT_SECONDS)


async def submitted(system: System, tenant: str, picture: bytes, count: int) -> list[str]:
    async def once() -> AsyncIterator[bytes]:
        yield picture

    jobs = system.services.jobs
    order = await system.services.templates.order(tenant, {"pipeline": STEPS}, ())

    async def one() -> str:
        arrived = await jobs.arrive(tenant, "upload", once())
        return (await jobs.submit(tenant, order, arrived, None)).job.id

    ids: list[str] = []
    while len(ids) < count:
        ids += await asyncio.gather(*(one() for _ in range(min(AT_ONCE, count - len(ids)))))
    return ids


async def p95(system: System, tenant: str, ids: list[str]) -> float:
    """Of the time from a job's queueing to its end, in seconds."""
    took = []
    for job_id in ids:
        job = await system.services.jobs.wait(tenant, job_id, WAIT_SECONDS)
        assert job.state == "completed", job
        assert job.finished_at is not None
        assert job.queued_at is not None
        took.append(job.finished_at - job.queued_at)
    return statistics.quantiles(took, n=20)[-1]


async def test_twenty_jobs_beside_thousands(system: System) -> None:
    picture = encoded(photo(1200, 900), "JPEG", quality=90)
    await p95(system, "small", await submitted(system, "small", picture, SMALL))
    alone = await p95(system, "small", await submitted(system, "small", picture, SMALL))
    await submitted(system, "large", picture, LARGE)
    beside = await p95(system, "small", await submitted(system, "small", picture, SMALL))
    left = (await system.store.tenants.get("large")).queued_jobs
    assert left > 0, "the large one was done before the small one"
    assert beside <= 3 * alone, (alone, beside, left)
    assert await drift(system.store, "small") == {}
