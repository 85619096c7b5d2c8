"""The client against a real server: from a picture to its outputs, and what goes wrong on the way."""

import hashlib
import io
import json
import os
import threading
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server
from pixelflow.client import ApiError, Client, JobFailed, Timeout

Steps = list[dict[str, Any]]
FIVE: Steps = [
    {"id": "web", "action": "thumbnail", "width": 300, "format": "webp"},
    {"id": "card", "action": "resize", "width": 200, "height": 100, "fit": "cover", "format": "jpeg"},
    {"id": "icon", "action": "resize", "width": 50, "height": 50, "fit": "fill", "format": "png"},
    {"id": "grey", "action": "grayscale", "from": "web", "format": "avif"},
    {"id": "facts", "action": "info"},
]


def sides(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as opened:
        return opened.size


def test_what_was_chosen_is_told(client: Client, picture: bytes) -> None:
    step = {"id": "web", "action": "thumbnail", "width": 120, "format": "auto"}
    result = client.submit(picture, [step, FIVE[4]]).result(timeout_seconds=60)

    choice = result["web"].facts.choice
    assert choice is not None
    chosen = min(choice.tried, key=lambda trial: (trial.score != choice.score, trial.bytes))
    assert (chosen.format, chosen.bytes) == (result["web"].format, result["web"].size)
    assert result["web"].file_name == f"web.{result['web'].format.replace('jpeg', 'jpg')}"
    assert sides(result["web"].bytes()) == (120, 90)
    assert set(choice.left_out) == {"png"}
    assert result["facts"].facts.choice is None


def test_a_zip_comes_out_as_one(client: Client, picture: bytes, tmp_path: Path) -> None:
    step = {"id": "deep", "action": "tiles", "size": 128}
    result = client.submit(picture, [step, FIVE[4]]).result(timeout_seconds=60)

    deep = result["deep"]
    assert (deep.format, deep.width, deep.file_name) == ("zip", None, "deep.zip")
    saved = result.save(tmp_path)
    assert "deep.zip" in {path.name for path in saved}
    with zipfile.ZipFile(tmp_path / "deep.zip") as archive:
        assert "tiles.dzi" in archive.namelist()


def fill(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(content)


def test_a_picture_goes_in_and_its_outputs_come_out(client: Client, picture: bytes, tmp_path: Path) -> None:
    handle = client.submit(
        picture, FIVE, metadata={"album": "summer"}, priority=5, expires_in=timedelta(hours=1)
    )
    result = handle.result(timeout_seconds=60)

    assert list(result) == ["web", "card", "icon", "grey", "facts"]
    assert sides(result["web"].bytes()) == (300, 225) == (result["web"].width, result["web"].height)
    assert sides(result["card"].bytes()) == (200, 100)
    assert sides(result["icon"].bytes()) == (50, 50)
    assert json.loads(result["facts"].bytes())["width"] == 320
    content = result["web"].bytes()
    assert (result["web"].format, result["web"].size) == ("webp", len(content))
    assert result["web"].sha256 == hashlib.sha256(content).hexdigest()

    saved = result.save(tmp_path / "album" / "out")
    assert [path.name for path in saved] == ["web.webp", "card.jpg", "icon.png", "grey.avif", "facts.json"]
    assert saved[0].read_bytes() == content
    assert sorted(path.name for path in saved[0].parent.iterdir()) == sorted(path.name for path in saved)

    job = handle.job
    assert (job.status, job.progress, job.metadata, job.priority) == (
        "completed",
        100,
        {"album": "summer"},
        5,
    )
    assert (job.source.width, job.source.height, job.source.format) == (320, 240, "jpeg")
    assert job.created_at is not None
    assert job.expires_at is not None
    assert abs(job.expires_at - job.created_at - timedelta(hours=1)) < timedelta(seconds=1)


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "file", "file read before", "pipe"])
def test_a_picture_may_come_in_any_form(
    client: Client, picture: bytes, thumb: Steps, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(picture)
    if kind in {"path", "text", "bytes"}:
        given: Any = {"path": path, "text": str(path), "bytes": picture}[kind]
        job = client.submit(given, thumb).result(timeout_seconds=60).job
    elif kind == "pipe":
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb") as stream:
            writer = threading.Thread(target=fill, args=(writing, picture))
            writer.start()
            job = client.submit(stream, thumb).result(timeout_seconds=60).job
            writer.join()
    else:
        prefix = b"" if kind == "file" else b"a header of the caller's own"
        file = io.BytesIO(prefix + picture)
        file.seek(len(prefix))
        job = client.submit(file, thumb).result(timeout_seconds=60).job
        assert not file.closed
    assert job.source.sha256 == hashlib.sha256(picture).hexdigest()


def test_progress_is_told_until_the_end(client: Client, picture: bytes) -> None:
    steps = [
        {"id": f"s{i}", "action": "thumbnail", "width": 300, "format": "avif", "effort": 3} for i in range(8)
    ]
    seen: list[tuple[str, int]] = []
    client.submit(picture, steps).result(
        timeout_seconds=120, on_progress=lambda job: seen.append((job.status, job.progress))
    )
    assert seen[-1] == ("completed", 100)
    assert [percent for _, percent in seen] == sorted(percent for _, percent in seen)


def test_a_wait_that_is_up_leaves_the_job_alone(client: Client, picture: bytes) -> None:
    steps = [{"id": "slow", "action": "resize", "width": 900, "enlarge": True, "format": "avif"}]
    handle = client.submit(picture, steps)
    with pytest.raises(Timeout, match=r"is still (queued|processing) after 0\.01 s") as raised:
        handle.result(timeout_seconds=0.01)
    assert isinstance(raised.value, TimeoutError)
    assert handle.result(timeout_seconds=60).job.status == "completed"


def test_a_job_that_fails_says_why(client: Client, thumb: Steps) -> None:
    cut = encoded(photo(320, 240))[:4000]
    with pytest.raises(JobFailed, match="failed") as raised:
        client.submit(cut, thumb).result(timeout_seconds=60)
    assert raised.value.code == "corrupt"
    assert raised.value.message
    assert raised.value.job.status == "failed"


def test_a_refused_pipeline_names_every_problem(client: Client, picture: bytes) -> None:
    steps: Steps = [
        {"id": "a", "action": "blur", "sigma": 9000},
        {"id": "b", "action": "sparkle"},
    ]
    with pytest.raises(ApiError) as raised:
        client.submit(picture, steps)
    error = raised.value
    assert (error.status, error.code) == (422, "invalid")
    assert [(each.step, each.field) for each in error.errors] == [("a", "sigma"), ("b", "action")]
    assert error.errors[0].value == 9000
    assert "blur" in (error.errors[1].allowed or "")


def test_what_is_no_picture_is_refused(client: Client, thumb: Steps) -> None:
    with pytest.raises(ApiError) as raised:
        client.submit(b"8BPS\0\1 and so on, for many more bytes than that", thumb)
    assert (raised.value.status, raised.value.problem["found"]) == (415, "psd")


def test_a_job_is_found_again_and_deleted(client: Client, picture: bytes, thumb: Steps) -> None:
    handle = client.submit(picture, thumb)
    found = client.job(handle.id)
    assert found.result(timeout_seconds=60).job.id == handle.id
    assert handle.refresh().status == "completed"
    found.delete()
    with pytest.raises(ApiError) as raised:
        client.job(handle.id)
    assert (raised.value.status, raised.value.code) == (404, "not_found")


def test_a_waiting_job_is_cancelled_and_run_after_all(tmp_path: Path, picture: bytes, thumb: Steps) -> None:
    slow = [{"id": "slow", "action": "resize", "width": 1500, "enlarge": True, "format": "avif"}]
    with (
        running_server(tmp_path, WORKER_POOL_SIZE="1", HEARTBEAT_SECONDS="0.2") as server,
        Client(server.url) as client,
    ):
        ahead = [client.submit(picture, slow) for _ in range(4)]
        waiting = client.submit(picture, thumb)
        assert waiting.cancel().status == "cancelled"
        with pytest.raises(JobFailed, match="was cancelled") as raised:
            waiting.result(timeout_seconds=60)
        assert raised.value.code == "cancelled"
        for job in ahead:
            job.cancel()
        assert waiting.retry().status in {"queued", "processing", "completed"}
        assert waiting.result(timeout_seconds=60).job.attempt >= 1
        with pytest.raises(ApiError) as ended:
            waiting.cancel()
        assert ended.value.status == 409


def test_all_jobs_come_page_by_page(
    client: Client, picture: bytes, thumb: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = datetime.now(UTC)
    made = [client.submit(picture, thumb).id for _ in range(5)]
    monkeypatch.setattr("pixelflow.client.pages.PAGE_LIMIT", 2)
    assert [handle.id for handle in client.jobs(created_after=begun)] == made[::-1]
    for job_id in made:
        client.job(job_id).result(timeout_seconds=60)
    assert [handle.id for handle in client.jobs(status="completed", created_after=begun)] == made[::-1]
    assert list(client.jobs(status="failed", created_after=begun)) == []


def test_an_asset_becomes_a_watermark(client: Client, picture: bytes) -> None:
    red = encoded(Image.new("RGB", (40, 40), "red"), "PNG")
    asset = client.upload_asset(red)
    assert client.upload_asset(io.BytesIO(red)).id == asset.id
    assert (asset.format, asset.bytes) == ("png", len(red))
    steps = [
        {
            "id": "marked",
            "action": "watermark",
            "image": asset.id,
            "gravity": "south_east",
            "scale": 0.2,
            "format": "png",
        }
    ]
    marked = client.submit(picture, steps).result(timeout_seconds=60)["marked"].bytes()
    with Image.open(io.BytesIO(marked)) as opened:
        corner = opened.convert("RGB").getpixel((310, 230))
    assert corner == (255, 0, 0)


def test_the_server_says_what_it_can_do(client: Client) -> None:
    plan = client.plan(
        [{"id": "a", "action": "thumbnail", "width": 100, "format": "jpeg"}],
        source={"width": 400, "height": 200, "format": "png", "alpha": True},
    )
    assert [(each.id, each.width, each.height, each.frames) for each in plan.outputs] == [("a", 100, 50, 1)]
    assert [(each.code, each.step) for each in plan.warnings] == [("alpha_lost", "a")]
    assert plan.outputs[0].size
    operations = {operation.name: operation for operation in client.operations()}
    assert "width" in operations["thumbnail"].parameters["properties"]
    formats = {known.name: known for known in client.formats()}
    assert formats["webp"].writes
    assert formats["jpeg"].extensions[0] == "jpg"
    assert client.version()


def test_an_address_that_is_none_is_refused_at_once(server: RunningServer) -> None:
    for wrong in ("127.0.0.1:8080", "ftp://127.0.0.1", "http://"):
        with pytest.raises(ValueError, match="not an http or https URL"):
            Client(wrong)
    with pytest.raises(ValueError, match="at least 1"):
        Client(server.url, tries=0)
