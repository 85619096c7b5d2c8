"""What a job was made of and with, and the same once more, by a whole server."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server

STEPS = [
    {"id": "thumb", "action": "thumbnail", "width": 100, "format": "webp"},
    {"id": "grey", "action": "grayscale", "format": "png"},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server"), WORKER_POOL_SIZE="1") as running:
        yield running


@pytest.fixture(scope="module")
def job(server: RunningServer) -> dict[str, Any]:
    picture = encoded(photo(300, 200), "JPEG")
    return ended(server, submitted(server, {"file": picture}))


def submitted(server: RunningServer, files: dict[str, bytes]) -> str:
    answer = httpx.post(f"{server.url}/v1/jobs", files=files, data={"pipeline": json.dumps(STEPS)})
    assert answer.status_code == 202, answer.text
    found: str = answer.json()["id"]
    return found


def ended(server: RunningServer, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{server.url}/v1/jobs/{job_id}?wait=30", timeout=60).json()
    return found


def test_a_manifest_tells_of_what_by_what_and_with_what(server: RunningServer, job: dict[str, Any]) -> None:
    manifest = httpx.get(f"{server.url}/v1/jobs/{job['id']}/manifest").json()
    assert manifest["source"]["sha256"] == job["source"]["sha256"]
    text = json.dumps(STEPS, sort_keys=True, separators=(",", ":"))
    assert manifest["pipeline"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert [each["sha256"] for each in manifest["outputs"]] == [each["sha256"] for each in job["outputs"]]
    assert {"decode", "encode", "thumbnail", "grayscale"} <= manifest["seconds"].keys()
    versions = httpx.get(f"{server.url}/version").json()
    assert manifest["software"]["versions"]["libvips"] == versions["libvips"]
    assert manifest["software"]["versions"]["pixelflow"] == versions["version"]
    assert manifest["software"]["limits"]["max_image_side"] == 16384


def test_a_replay_makes_the_same_without_the_step_cache(server: RunningServer, job: dict[str, Any]) -> None:
    key = {"idempotency-key": "again"}
    answers = [
        httpx.post(f"{server.url}/v1/jobs/{job['id']}/replay", headers=key, timeout=30) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    replayed = ended(server, answers[0].json()["id"])
    assert (replayed["status"], replayed["replay_of"]) == ("completed", job["id"])
    assert not any(each["cached"] for each in replayed["outputs"])
    found = httpx.get(f"{server.url}/v1/jobs/{replayed['id']}/comparison").json()
    assert (found["equal"], found["software"]) == (True, {})
    assert [each["equal"] for each in found["outputs"]] == [True, True]


def test_a_replay_outlives_the_job_and_has_then_nothing_beside_it(server: RunningServer) -> None:
    first = ended(server, submitted(server, {"file": encoded(photo(60, 40), "PNG")}))
    again = httpx.post(f"{server.url}/v1/jobs/{first['id']}/replay").json()["id"]
    assert httpx.delete(f"{server.url}/v1/jobs/{first['id']}").status_code == 204
    assert ended(server, again)["status"] == "completed"
    assert httpx.get(f"{server.url}/v1/jobs/{again}/comparison").status_code == 404


def test_what_replays_nothing_is_not_compared(server: RunningServer, job: dict[str, Any]) -> None:
    answer = httpx.get(f"{server.url}/v1/jobs/{job['id']}/comparison")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_replay")


def test_a_job_that_has_not_ended_has_no_manifest_yet(server: RunningServer) -> None:
    made = httpx.post(f"{server.url}/v1/jobs", json={"pipeline": STEPS}).json()
    for path, method in (("manifest", "GET"), ("replay", "POST")):
        answer = httpx.request(method, f"{server.url}/v1/jobs/{made['id']}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_ended")


def test_a_failed_job_tells_with_what_it_failed(server: RunningServer) -> None:
    cut = encoded(photo(300, 200), "JPEG")[:3000]
    failed = ended(server, submitted(server, {"file": cut}))
    assert failed["status"] == "failed"
    manifest = httpx.get(f"{server.url}/v1/jobs/{failed['id']}/manifest").json()
    assert manifest["outputs"] == []
    assert manifest["software"]["digest"]


def test_software_is_kept_once_for_all_jobs(server: RunningServer, job: dict[str, Any]) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)) as connection:
        ((rows,),) = connection.execute("SELECT count(*) FROM software")
        ((longest,),) = connection.execute("SELECT max(length(manifest)) FROM job")
    assert rows == 1
    assert longest < 300
