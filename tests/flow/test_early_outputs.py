"""Outputs of a long job that are there before its end."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from harness.audit import audit
from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server

FAST = {"id": "fast", "action": "resize", "width": 90, "format": "png"}
SLOW = {"id": "slow", "action": "blur", "sigma": 60, "format": "avif", "effort": 9}
ENDLESS = {"id": "slow", "action": "resize", "width": 3000, "enlarge": True, "format": "avif", "effort": 9}


@dataclass
class Heard:
    """One event of a stream."""

    name: str
    id: int | None
    data: dict[str, Any]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    settings = {"WORKER_POOL_SIZE": "1", "ANNOUNCE_AFTER_SECONDS": "0", "HEARTBEAT_SECONDS": "0.2"}
    with running_server(tmp_path, **settings) as running:
        yield running


def submitted(client: httpx.Client, *steps: dict[str, Any]) -> str:
    picture = encoded(photo(800, 600), "JPEG")
    made = client.post("/v1/jobs", files={"file": picture}, data={"pipeline": json.dumps(steps)})
    assert made.status_code == 202, made.text
    job_id: str = made.json()["id"]
    return job_id


def told(client: httpx.Client, job_id: str, after: int = 0) -> Iterator[Heard]:
    with client.stream("GET", f"/v1/jobs/{job_id}/events", headers={"last-event-id": str(after)}) as answer:
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                number = int(fields["id"]) if "id" in fields else None
                yield Heard(fields["event"], number, json.loads(fields["data"]))
                fields = {}


def until_ready(events: Iterator[Heard], step: str) -> Heard:
    return next(event for event in events if event.name == "output.ready" and event.data["id"] == step)


def whole(client: httpx.Client, output: dict[str, Any]) -> Image.Image:
    answer = client.get(output["url"])
    assert answer.status_code == 200
    assert answer.headers["etag"] == f'"{output["sha256"]}"'
    return Image.open(BytesIO(answer.content))


def clean(server: RunningServer, *jobs: str) -> None:
    server.stop()
    found = audit(server.database, server.folder / "uploads", server.folder / "outputs", jobs)
    assert found.clean, found


def test_the_first_can_be_fetched_while_the_others_are_made(
    server: RunningServer, client: httpx.Client
) -> None:
    job_id = submitted(client, SLOW, FAST)
    events = told(client, job_id)

    ready = until_ready(events, "fast")

    assert whole(client, ready.data).size == (90, 68)
    job = client.get(f"/v1/jobs/{job_id}").json()
    assert (job["status"], job["outputs"]) == ("processing", [ready.data])
    assert client.get(f"/v1/jobs/{job_id}/outputs/slow").status_code == 409
    rest = [(event.name, event.data["id"]) for event in events if event.name != "job.updated"]
    assert rest == [("output.ready", "slow"), ("job.completed", job_id)]
    job = client.get(f"/v1/jobs/{job_id}").json()
    assert [output["id"] for output in job["outputs"]] == ["slow", "fast"]
    assert job["outputs"][1] == ready.data
    assert ready.id is not None
    again = [event.data["id"] for event in told(client, job_id, ready.id - 1) if event.name == "output.ready"]
    assert again == ["fast", "slow"]
    later = [event.data["id"] for event in told(client, job_id, ready.id) if event.name == "output.ready"]
    assert later == ["slow"]
    clean(server, job_id)


def test_progress_shows_the_job_with_what_it_has(server: RunningServer, client: httpx.Client) -> None:
    job_id = submitted(client, FAST, SLOW, {**SLOW, "id": "slower", "sigma": 61})
    events = told(client, job_id)
    until_ready(events, "fast")
    later = [event.data for event in events if event.name == "job.updated"]
    assert later
    assert all("fast" in [output["id"] for output in job["outputs"]] for job in later)


def test_a_decoder_that_dies_takes_what_it_had_made(server: RunningServer, client: httpx.Client) -> None:
    job_id = submitted(client, FAST, SLOW)
    first = until_ready(told(client, job_id), "fast")
    (decoder,) = server.children()

    os.kill(decoder, signal.SIGKILL)

    job = client.get(f"/v1/jobs/{job_id}", params={"wait": 60}).json()
    assert (job["status"], job["attempt"]) == ("completed", 2)
    assert job["outputs"][0]["sha256"] == first.data["sha256"]
    clean(server, job_id)


def test_a_job_that_is_cancelled_has_nothing_left(server: RunningServer, client: httpx.Client) -> None:
    job_id = submitted(client, FAST, ENDLESS)
    until_ready(told(client, job_id), "fast")

    answer = client.post(f"/v1/jobs/{job_id}/cancel")

    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["outputs"]) == ("cancelled", [])
    assert client.get(f"/v1/jobs/{job_id}/outputs/fast").status_code == 409
    clean(server, job_id)


def test_a_step_that_is_skipped_leaves_the_others(server: RunningServer, client: httpx.Client) -> None:
    outside = {"id": "out", "action": "crop", "x": 5000, "y": 0, "width": 9, "height": 9, "on_error": "skip"}
    job_id = submitted(client, outside, FAST, SLOW)
    events = told(client, job_id)
    whole(client, until_ready(events, "fast").data)
    assert [event.data["id"] for event in events if event.name == "output.ready"] == ["slow"]
    job = client.get(f"/v1/jobs/{job_id}").json()
    assert [(output["id"], output["status"]) for output in job["outputs"]] == [
        ("fast", "completed"),
        ("slow", "completed"),
        ("out", "skipped"),
    ]
    clean(server, job_id)


def test_a_step_that_fails_takes_the_others_with_it(server: RunningServer, client: httpx.Client) -> None:
    outside = {"id": "out", "action": "crop", "x": 5000, "y": 0, "width": 9, "height": 9, "from": "soft"}
    job_id = submitted(client, FAST, {**SLOW, "id": "soft"}, outside)
    until_ready(told(client, job_id), "fast")
    job = client.get(f"/v1/jobs/{job_id}", params={"wait": 60}).json()
    assert (job["status"], job["error"]["step"], job["outputs"]) == ("failed", "out", [])
    clean(server, job_id)


def test_what_was_there_already_is_told_of_first(server: RunningServer, client: httpx.Client) -> None:
    assert client.get(f"/v1/jobs/{submitted(client, FAST)}?wait=60").json()["status"] == "completed"
    ready = until_ready(told(client, submitted(client, SLOW, FAST)), "fast")
    assert ready.data["cached"]
    whole(client, ready.data)


def test_a_short_job_is_told_of_at_its_end_alone(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, ANNOUNCE_AFTER_SECONDS="60") as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        job_id = submitted(client, FAST, {**FAST, "id": "other", "width": 80})
        events = [event for event in told(client, job_id) if event.name != "job.updated"]
        assert [(event.name, event.id is None) for event in events] == [
            ("output.ready", True),
            ("output.ready", True),
            ("job.completed", False),
        ]
        assert {output["ready_at"] for output in events[-1].data["outputs"]} == {
            events[-1].data["finished_at"]
        }
