"""Manifests, replays, the audit log and the sweep, from both clients."""

from typing import Any

from harness.server import RunningServer
from pixelflow.client import AsyncClient, Client

Steps = list[dict[str, Any]]


def test_a_job_is_replayed_compared_and_told_of(client: Client, picture: bytes, thumb: Steps) -> None:
    job = client.submit(picture, thumb, keep={"source": 3600})
    job.result(timeout_seconds=60)
    again = job.replay()
    result = again.result(timeout_seconds=60)
    found = again.comparison()
    assert (found.equal, found.replay_of, [each.equal for each in found.outputs]) == (True, job.id, [True])
    assert found.outputs[0].replay
    assert found.outputs[0].replay["sha256"] == result["thumb"].sha256
    assert (again.job.replay_of, again.job.keep) == (
        job.id,
        {"source": 3600, "outputs": None, "record": None},
    )
    assert job.manifest().outputs[0]["sha256"] == result["thumb"].sha256
    assert "libvips" in again.manifest().software["versions"]


def test_what_is_kept_no_longer_is_told_then_swept_and_written_down(
    client: Client, picture: bytes, thumb: Steps
) -> None:
    job = client.submit(picture, thumb, keep={"record": 0})
    job.result(timeout_seconds=60)
    assert client.storage()["due"]["record"]["count"] == 1
    assert client.sweep()["jobs"]["record"]["count"] == 1
    assert [line.actor for line in client.audit(action="job.deleted", subject=job.id)] == ["keeper"]


async def test_the_async_client_does_the_same(server: RunningServer, picture: bytes, thumb: Steps) -> None:
    async with AsyncClient(server.url) as client:
        job = await client.submit(picture, thumb, keep={"record": 0})
        await job.result(timeout_seconds=60)
        again = await job.replay()
        await again.result(timeout_seconds=60)
        assert (await again.comparison()).equal
        assert (await again.manifest()).replay_of == job.id
        assert (await client.storage())["due"]["record"]["count"] == 2
        assert (await client.sweep())["jobs"]["record"]["count"] == 2
        lines = [line async for line in client.audit(subject=job.id)]
        assert [line.action for line in lines] == ["job.deleted"]
