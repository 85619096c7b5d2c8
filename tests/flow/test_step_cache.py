"""What a tenant has already is given again without work."""

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server

THUMB = {"id": "thumb", "action": "resize", "width": 90, "format": "webp"}
FACTS = {"id": "facts", "action": "info"}
_sides = count(200)


@pytest.fixture
def picture() -> bytes:
    """One that no other test has sent."""
    return encoded(photo(next(_sides), 150), "PNG")


def done(client: httpx.Client, picture: bytes, *steps: dict[str, Any]) -> dict[str, Any]:
    """A job that has ended."""
    made = client.post("/v1/jobs", files={"file": picture}, data={"pipeline": json.dumps(steps)})
    assert made.status_code == 202, made.text
    job: dict[str, Any] = client.get(made.json()["links"]["self"], params={"wait": 30}).json()
    assert job["status"] in {"completed", "failed"}, job
    return job


def cached(job: dict[str, Any]) -> dict[str, bool]:
    return {output["id"]: output["cached"] for output in job["outputs"] if output["status"] == "completed"}


def files(client: httpx.Client, job: dict[str, Any]) -> list[bytes]:
    """Each output's bytes, which are those that its record tells of."""
    contents = [client.get(output["url"]).content for output in job["outputs"]]
    assert [hashlib.sha256(content).hexdigest() for content in contents] == [
        output["sha256"] for output in job["outputs"]
    ]
    return contents


def stored(server: RunningServer, job: dict[str, Any]) -> list[Path]:
    return [path for path in (server.folder / "outputs").rglob("*") if path.name.startswith(job["id"])]


def counted(client: httpx.Client) -> dict[str, float]:
    """Hits and misses so far."""
    lines = [line for line in client.get("/metrics").text.splitlines() if "step_cache_total{" in line]
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines}


@contextmanager
def without_decoders(server: RunningServer) -> Iterator[None]:
    """All stand still: whoever needs one waits for ever."""
    pids = server.children()
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_the_same_again_needs_no_decoder(server: RunningServer, client: httpx.Client, picture: bytes) -> None:
    first = done(client, picture, THUMB, FACTS)
    assert cached(first) == {"thumb": False, "facts": False}
    before = counted(client)
    with without_decoders(server):
        again = done(client, picture, FACTS, {**THUMB, "id": "called_otherwise"})
    assert cached(again) == {"facts": True, "called_otherwise": True}
    assert files(client, again) == files(client, first)[::-1]
    assert (again["source"], again["progress"], again["attempt"]) == (first["source"], 100, 1)
    assert {name: value - before[name] for name, value in counted(client).items()} == {"hit": 2, "miss": 0}


def test_defaults_and_spellings_are_the_same_step(
    server: RunningServer, client: httpx.Client, picture: bytes
) -> None:
    done(client, picture, {"id": "s", "action": "blur", "sigma": 2.0, "format": "jpeg"})
    with without_decoders(server):
        again = done(client, picture, {"format": "jpg", "sigma": 2, "action": "blur", "id": "s"})
    assert cached(again) == {"s": True}


@pytest.mark.parametrize(
    "step",
    [{**THUMB, "width": 91}, {**THUMB, "quality": 79}, {**THUMB, "format": "png"}, {**THUMB, "from": "grey"}],
    ids=["another parameter", "another quality", "another format", "another picture"],
)
def test_another_step_is_done(client: httpx.Client, picture: bytes, step: dict[str, Any]) -> None:
    grey = {"id": "grey", "action": "grayscale", "output": False}
    done(client, picture, THUMB)
    assert cached(done(client, picture, grey, step)) == {"thumb": False}


def test_another_picture_is_done(client: httpx.Client, picture: bytes) -> None:
    done(client, picture, THUMB)
    assert cached(done(client, encoded(photo(150, 150), "PNG"), THUMB)) == {"thumb": False}


def test_what_is_there_is_not_done_again_beside_what_is_not(client: httpx.Client, picture: bytes) -> None:
    grey = {"id": "grey", "action": "grayscale", "format": "png"}
    first = done(client, picture, grey)
    small = {"id": "small", "action": "resize", "width": 50, "from": "grey", "format": "png"}
    both = done(client, picture, small, grey)
    assert cached(both) == {"small": False, "grey": True}
    (whole,), (little, same) = files(client, first), files(client, both)
    assert same == whole
    assert Image.open(BytesIO(little)).size[0] == 50
    assert Image.open(BytesIO(little)).mode == "L"


def test_each_job_owns_its_files(server: RunningServer, client: httpx.Client, picture: bytes) -> None:
    first = done(client, picture, THUMB)
    again = done(client, picture, THUMB)
    (content,) = files(client, first)
    client.delete(f"/v1/jobs/{first['id']}")
    assert not stored(server, first)
    assert files(client, again) == [content]
    assert cached(done(client, picture, THUMB)) == {"thumb": True}


def test_what_was_deleted_is_done_again(client: httpx.Client, picture: bytes) -> None:
    client.delete(f"/v1/jobs/{done(client, picture, THUMB)['id']}")
    assert cached(done(client, picture, THUMB)) == {"thumb": False}


@pytest.mark.parametrize("harm", ["gone", "cut short", "other bytes"])
def test_a_file_that_came_to_harm_is_made_anew(
    server: RunningServer, client: httpx.Client, picture: bytes, harm: str
) -> None:
    first = done(client, picture, THUMB)
    (content,) = files(client, first)
    (file,) = stored(server, first)
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-1] if harm == "cut short" else bytes(len(content)))
    again = done(client, picture, THUMB)
    assert cached(again) == {"thumb": False}
    assert files(client, again) == [content]
    third = done(client, picture, THUMB)
    assert cached(third) == {"thumb": True}
    assert files(client, third) == [content]


def test_a_skipped_step_is_tried_again(client: httpx.Client, picture: bytes) -> None:
    outside = {"id": "out", "action": "crop", "x": 5000, "y": 0, "width": 9, "height": 9, "on_error": "skip"}
    first, again = done(client, picture, THUMB, outside), done(client, picture, THUMB, outside)
    assert [output["status"] for output in again["outputs"]] == ["completed", "skipped"]
    assert cached(again) == {"thumb": True}
    assert again["outputs"][1] == first["outputs"][1]


def test_an_earlier_upload_counts_by_its_bytes(client: httpx.Client, picture: bytes) -> None:
    def laid_over(logo: Image.Image) -> dict[str, Any]:
        earlier = done(client, encoded(logo, "PNG"), FACTS)["id"]
        return {"id": "w", "action": "watermark", "image": f"job:{earlier}", "format": "png"}

    red = laid_over(Image.new("RGB", (40, 40), "red"))
    done(client, picture, red)
    assert cached(done(client, picture, red)) == {"w": True}
    assert cached(done(client, picture, laid_over(Image.new("RGB", (40, 40), "blue")))) == {"w": False}


def test_it_can_be_switched_off(tmp_path: Path, picture: bytes) -> None:
    with (
        running_server(tmp_path, STEP_CACHE="false") as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        done(client, picture, THUMB)
        assert cached(done(client, picture, THUMB)) == {"thumb": False}
        assert counted(client) == {"hit": 0, "miss": 0}
