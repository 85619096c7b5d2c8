"""Many pictures in one call, from both clients and the command line."""

import json
from pathlib import Path

import pytest

from harness.command import Command
from harness.server import RunningServer
from pixelflow.client import ApiError, AsyncClient, Client, Timeout

THUMB = [{"id": "thumb", "action": "thumbnail", "width": 40, "format": "webp"}]


def test_a_batchs_life(client: Client, picture: bytes) -> None:
    asset = client.upload_asset(picture).id
    told = client.batches.create([{"asset_id": asset}] * 5, pipeline=THUMB, dry_run=True)
    assert told.id is None
    assert told.forecast is not None
    assert told.forecast.cpu_seconds
    sources = [*({"asset_id": asset, "metadata": {"n": n}} for n in range(3)), "no source"]
    made = client.batches.create(sources, pipeline=THUMB, metadata={"album": "rome"})
    assert (made.accepted, made.refused, made.refusals[0].line) == (3, 1, 4)
    assert made.id is not None
    seen: list[int] = []
    batch = client.batches.wait(
        made.id, timeout_seconds=60, on_progress=lambda now: seen.append(now.progress)
    )
    assert (batch.status, batch.counts["completed"], seen[-1]) == ("completed", 3, 100)
    jobs = [handle.job for handle in client.jobs(batch_id=made.id)]
    assert {job.batch_id for job in jobs} == {made.id}
    assert sorted(job.metadata["n"] for job in jobs) == [0, 1, 2]
    assert [line.status for line in client.batches.lines(made.id)] == ["completed"] * 3 + ["refused"]
    assert client.batches.failures(made.id).splitlines()[1].startswith("4,no source,refused,")
    assert made.id in [each.id for each in client.batches.list()]
    with pytest.raises(ApiError) as refused:
        client.batches.retry(made.id)
    assert refused.value.status == 409
    client.batches.delete(made.id)
    with pytest.raises(ApiError):
        client.batches.get(made.id)


async def test_the_same_with_asyncio(server: RunningServer, picture: bytes) -> None:
    async with AsyncClient(server.url) as client:
        asset = (await client.upload_asset(picture)).id
        made = await client.batches.create([{"asset_id": asset}] * 30, pipeline=THUMB, max_in_flight=1)
        assert made.id is not None
        await client.batches.pause(made.id)
        with pytest.raises(Timeout, match="is still paused"):
            await client.batches.wait(made.id, timeout_seconds=0)
        assert (await client.batches.resume(made.id)).status == "running"
        assert (await client.batches.cancel(made.id)).status == "cancelled"
        again = await client.batches.retry(made.id)
        assert again.status == "running", "it was waited until the last job had stopped"
        assert (await client.batches.cancel(made.id)).status == "cancelled"
        ended = await client.batches.wait(made.id, timeout_seconds=60)
        assert ended.counts["cancelled"] + ended.counts["completed"] == 30
        assert ended.counts["cancelled"] > 0
        assert len([line async for line in client.batches.lines(made.id)]) == 30
        assert made.id in [each.id async for each in client.batches.list()]
        told = (await client.batches.failures(made.id)).splitlines()[1:]
        assert len(told) == ended.counts["cancelled"]
        await client.batches.delete(made.id)


def test_the_commands(client: Client, server: RunningServer, picture: bytes, tmp_path: Path) -> None:
    pixelflow = Command(tmp_path)
    asset = client.upload_asset(picture).id
    (tmp_path / "rows.csv").write_text(f"asset_id,metadata.sku\n{asset},A\n{asset},\n")
    (tmp_path / "rows.jsonl").write_text(f'{{"asset_id": "{asset}"}}\n\n{{"asset_id": "nothing"}}\n')
    step = ("-p", "thumbnail:width=30", "--url", server.url)
    done = pixelflow("batch", "create", "rows.csv", *step, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    batch = json.loads(done.stdout)
    assert batch["batch"]["counts"]["completed"] == 2
    done = pixelflow("batch", "create", "rows.jsonl", *step, "--wait")
    assert (done.returncode, "line 2: there is no asset" in done.stderr) == (1, True), done.stderr
    done = pixelflow("batch", "create", "rows.csv", *step, "--dry-run")
    assert "2 pictures: about" in done.stdout
    done = pixelflow("batch", "list", "--url", server.url)
    assert batch["id"] in done.stdout
    done = pixelflow("batch", "lines", batch["id"], "--url", server.url, "--json")
    assert [each["status"] for each in json.loads(done.stdout)] == ["completed"] * 2
    done = pixelflow("batch", "failures", batch["id"], "--url", server.url)
    assert done.stdout.strip() == "line,source,status,code,message,job_id"
    done = pixelflow("batch", "delete", batch["id"], "--url", server.url)
    assert done.returncode == 0, done.stderr
    done = pixelflow("batch", "show", batch["id"], "--url", server.url)
    assert (done.returncode, "no such batch" in done.stderr) == (1, True)
    done = pixelflow("batch", "create", "-p", "invert", "--url", server.url)
    assert (done.returncode, "either sources or --prefix" in done.stderr) == (2, True)
