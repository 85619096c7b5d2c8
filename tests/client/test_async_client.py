"""The async client does what the sync one does; both are one core."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from harness.server import RunningServer
from pixelflow.client import ApiError, AsyncClient, JobFailed, Unreachable

Steps = list[dict[str, Any]]


async def test_many_pictures_at_once(
    server: RunningServer, picture: bytes, thumb: Steps, tmp_path: Path
) -> None:
    async with AsyncClient(server.url) as client:
        handles = await asyncio.gather(*(client.submit(picture, thumb) for _ in range(8)))
        results = await asyncio.gather(*(handle.result(timeout_seconds=60) for handle in handles))
        assert {(result["thumb"].width, result["thumb"].height) for result in results} == {(120, 90)}
        [path] = await results[0].save(tmp_path)
        assert path.read_bytes() == await results[0]["thumb"].bytes()
        listed = [handle.id async for handle in client.jobs(status="completed")]
        assert {handle.id for handle in handles} <= set(listed)


async def test_progress_refresh_and_deletion(server: RunningServer, picture: bytes, thumb: Steps) -> None:
    async with AsyncClient(server.url) as client:
        handle = await client.submit(picture, thumb)
        seen: list[int] = []
        await handle.result(timeout_seconds=60, on_progress=lambda job: seen.append(job.progress))
        assert seen[-1] == 100
        assert (await handle.refresh()).status == "completed"
        with pytest.raises(ApiError):
            await handle.cancel()
        await (await client.job(handle.id)).delete()
        with pytest.raises(ApiError, match="404"):
            await client.job(handle.id)


async def test_failures_are_the_same_errors(server: RunningServer, picture: bytes, thumb: Steps) -> None:
    async with AsyncClient(server.url) as client:
        with pytest.raises(JobFailed):
            await (await client.submit(picture[:3000], thumb)).result(timeout_seconds=60)
    async with AsyncClient("http://127.0.0.1:9", tries=2, backoff_seconds=0.01) as nobody:
        with pytest.raises(Unreachable, match="in 2 tries"):
            await nobody.version()


async def test_a_waiting_client_keeps_the_loop_free(server: RunningServer, picture: bytes) -> None:
    slow = [
        {"id": f"s{i}", "action": "thumbnail", "width": 320, "format": "avif", "effort": 4} for i in range(6)
    ]
    async with AsyncClient(server.url) as client:
        handle = await client.submit(picture, slow)
        waiting = asyncio.create_task(handle.result(timeout_seconds=120))
        assert await client.operations()
        plan = await client.plan([{"id": "a", "action": "info"}])
        assert [each.format for each in plan.outputs] == ["json"]
        assert not waiting.done()
        await waiting
