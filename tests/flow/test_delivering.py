"""Outputs that are sent to another machine before their job completes."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.elsewhere import Asked, Elsewhere, Reply
from harness.extras import needs
from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server

PICTURE = encoded(photo(300, 200), "png")
ONE = [{"id": "thumb", "action": "resize", "width": 60, "format": "webp"}]
TWO = [*ONE, {"id": "facts", "action": "info"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("delivering")
    with running_server(
        folder,
        EGRESS_ALLOW="127.0.0.0/8",
        DELIVER_SECONDS="1",
        TRANSFER_TRIES="2",
        FAULT_BACKOFF_SECONDS="0.1",
        BREAKER_FAILURES="20",
        HEARTBEAT_SECONDS="0.1",
        STORAGE_ALLOW=f"file://{folder}/out?access=write, file://{folder}/of/{{tenant}}/x",
    ) as running:
        yield running


def submit(server: RunningServer, store: object, pipeline: object = ONE) -> httpx.Response:
    fields = {"pipeline": json.dumps(pipeline), "store": json.dumps(store)}
    return httpx.post(f"{server.url}/v1/jobs", files={"file": PICTURE}, data=fields, timeout=30)


def wait(server: RunningServer, job_id: str, seconds: float = 20) -> dict[str, Any]:
    job: dict[str, Any] = httpx.get(f"{server.url}/v1/jobs/{job_id}?wait={seconds}", timeout=30).json()
    return job


def ended(server: RunningServer, store: object, pipeline: object = ONE) -> dict[str, Any]:
    made = submit(server, store, pipeline)
    assert made.status_code == 202, made.text
    return wait(server, made.json()["id"])


def test_an_output_is_put_to_a_presigned_url(server: RunningServer, there: Elsewhere) -> None:
    there.routes["/bucket/thumb.webp"] = Reply(200)
    url = there.url + "/bucket/thumb.webp?X-Amz-Signature=hidden-signature"
    headers = {"X-Amz-Acl": "hidden-header"}

    job = ended(server, {"url": url, "headers": headers})

    assert job["status"] == "completed", job
    (output,) = job["outputs"]
    (put,) = there.asked
    assert (put.method, put.path) == ("PUT", "/bucket/thumb.webp?X-Amz-Signature=hidden-signature")
    assert put.headers["x-amz-acl"] == "hidden-header"
    assert put.headers["content-type"] == "image/webp"
    assert put.headers["content-length"] == str(output["bytes"])
    assert hashlib.sha256(put.body).hexdigest() == output["sha256"]
    assert output["delivered"] == there.url + "/bucket/thumb.webp"
    assert job["store"] == {"url": there.url + "/bucket/thumb.webp", "naming": None}
    assert "hidden" not in json.dumps(job) + server.log
    assert httpx.get(server.url + output["url"]).content == put.body


def test_each_output_has_its_own_name(server: RunningServer, there: Elsewhere) -> None:
    def any_path(asked: Asked) -> Reply:
        return Reply(201)

    job_id = submit(server, {"url": there.url + "/{job_id}/{step}.{ext}"}, TWO).json()["id"]
    for name in ("thumb.webp", "facts.json"):
        there.routes[f"/{job_id}/{name}"] = any_path
    job = wait(server, job_id)
    assert job["status"] == "completed", job
    assert {asked.path for asked in there.asked if asked.method == "PUT"} == {
        f"/{job_id}/thumb.webp",
        f"/{job_id}/facts.json",
    }
    assert {output["delivered"] for output in job["outputs"]} == {
        f"{there.url}/{job_id}/thumb.webp",
        f"{there.url}/{job_id}/facts.json",
    }


def test_completed_means_delivered(server: RunningServer, there: Elsewhere) -> None:
    seen: list[str] = []

    def receive(asked: Asked) -> Reply:
        seen.append(wait(server, job_ids[0], 0)["status"])
        return Reply(200)

    there.routes["/out"] = receive
    job_ids: list[str] = []
    made = submit(server, {"url": there.url + "/out?id={job_id}"})
    job_ids.append(made.json()["id"])
    assert wait(server, job_ids[0])["status"] == "completed"
    assert seen == ["processing"]


def test_what_is_recalled_is_delivered_too(server: RunningServer, there: Elsewhere) -> None:
    there.routes["/first"] = there.routes["/second"] = Reply(200)
    pipeline = [{**ONE[0], "width": 61}]
    assert ended(server, {"url": there.url + "/first"}, pipeline)["status"] == "completed"
    job = ended(server, {"url": there.url + "/second"}, pipeline)
    assert job["outputs"][0]["cached"]
    assert job["outputs"][0]["delivered"] == there.url + "/second"
    first, second = there.asked
    assert first.body == second.body


def test_what_may_mend_is_tried_again_and_takes_the_place(server: RunningServer, there: Elsewhere) -> None:
    replies = iter([Reply(503), Reply(200, b"thanks", reset=0), Reply(200)])
    there.routes["/out"] = lambda asked: next(replies)
    job = ended(server, {"url": there.url + "/out"})
    assert (job["status"], job["attempt"], len(there.asked)) == ("completed", 1, 3)
    assert len({asked.body for asked in there.asked}) == 1


@pytest.mark.parametrize("reply", [Reply(503), Reply(200, b"x", stall=0)], ids=["server error", "stalled"])
def test_it_is_not_tried_for_ever(server: RunningServer, there: Elsewhere, reply: Reply) -> None:
    there.routes["/out"] = reply
    job = ended(server, {"url": there.url + "/out"})
    assert (job["status"], job["error"]["code"], job["error"]["step"]) == (
        "failed",
        "delivery_unreachable",
        "thumb",
    )
    assert len(there.asked) == 6
    assert job["outputs"] == []


@pytest.mark.parametrize("status", [400, 403, 404, 301, 304])
def test_a_refusal_fails_the_job_at_once(server: RunningServer, there: Elsewhere, status: int) -> None:
    there.routes["/out"] = Reply(
        status, b"" if status == 304 else b"<Error>theirs</Error>", {"Location": "/b"}
    )
    job = ended(server, {"url": there.url + "/out?key=hidden"})
    assert (job["status"], job["error"]["code"]) == ("failed", "delivery_refused")
    assert str(status) in job["error"]["message"]
    assert "hidden" not in json.dumps(job)
    assert "theirs" not in json.dumps(job)
    assert len(there.asked) == 1
    there.routes["/out"] = Reply(204)
    httpx.post(f"{server.url}/v1/jobs/{job['id']}/retry")
    assert wait(server, job["id"])["status"] == "completed"


def test_a_cancelled_job_stops_its_delivery(server: RunningServer, there: Elsewhere) -> None:
    there.routes["/out"] = Reply(200, b"x", stall=0)
    job_id = submit(server, {"url": there.url + "/out"}).json()["id"]
    while not there.asked:
        pass
    assert httpx.post(f"{server.url}/v1/jobs/{job_id}/cancel").json()["status"] == "cancelled"
    while [path for path in (server.folder / "outputs").rglob("*") if path.is_file() and job_id in str(path)]:
        pass
    assert wait(server, job_id)["outputs"] == []


@needs("s3")
def test_a_folder_gets_them_by_name(server: RunningServer) -> None:
    out = server.folder / "out"
    job = ended(server, {"url": f"file://{out}/2026", "naming": "{job_id}-{step}.{ext}"}, TWO)
    assert job["status"] == "completed", job
    assert job["store"] == {"url": f"file://{out}/2026", "naming": "{job_id}-{step}.{ext}"}
    files = {path.name: path.read_bytes() for path in (out / "2026").iterdir()}
    assert set(files) == {f"{job['id']}-thumb.webp", f"{job['id']}-facts.json"}
    for output in job["outputs"]:
        path = Path(output["delivered"].removeprefix("file://"))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == output["sha256"]
    default = ended(server, {"url": f"file://{out}"})
    assert default["outputs"][0]["delivered"] == f"file://{out}/{default['id']}/thumb.webp"


@needs("s3")
def test_a_tenant_has_its_own_folder(server: RunningServer) -> None:
    mine = ended(server, {"url": f"file://{server.folder}/of/local/x"})
    assert mine["status"] == "completed", mine
    for other in ("of/somebody/x", "of/{tenant}/x", "of/local/xy", "of/local"):
        answer = submit(server, {"url": f"file://{server.folder}/{other}"})
        assert answer.status_code == 422, other


def test_reading_and_writing_are_opened_apart(server: RunningServer) -> None:
    body = {"source_type": "url", "url": f"file://{server.folder}/out/x.png", "pipeline": ONE}
    answer = httpx.post(f"{server.url}/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["setting"]) == (422, "STORAGE_ALLOW")
    assert answer.json()["field"] == "url"


@needs("s3")
def test_a_full_or_missing_folder_is_no_mistake_of_the_picture(server: RunningServer) -> None:
    (server.folder / "out").mkdir(exist_ok=True)
    (server.folder / "out" / "file").write_bytes(b"in the way")
    job = ended(server, {"url": f"file://{server.folder}/out/file"})
    assert (job["status"], job["error"]["code"]) == ("failed", "delivery_unreachable")


@pytest.mark.parametrize(
    ("store", "field"),
    [
        ("s3://bucket", "store"),
        ([], "store"),
        ({}, "store.url"),
        ({"url": 5}, "store.url"),
        ({"url": "bucket/key"}, "store.url"),
        ({"url": "https://b.example/{nothing}"}, "store.url"),
        ({"url": "https://b.example/one.webp"}, "store.url"),
        ({"url": "https://b.example/{step}", "naming": "{step}"}, "store.naming"),
        ({"url": "s3://bucket", "naming": "one.webp"}, "store.naming"),
        ({"url": "s3://bucket", "naming": "../{step}"}, "store.naming"),
        ({"url": "s3://bucket", "naming": "/{step}"}, "store.naming"),
        ({"url": "s3://bucket", "naming": "{step}/"}, "store.naming"),
        ({"url": "s3://bucket", "naming": "{step}.{tenant}"}, "store.naming"),
        ({"url": "s3://bucket", "headers": {"X-A": "hidden"}}, "store.headers"),
        ({"url": "https://b.example/{step}", "headers": {"Content-Length": "hidden"}}, "store.headers"),
        ({"url": "https://b.example/{step}", "acl": "hidden"}, "store.acl"),
    ],
)
def test_bad_targets_are_named_and_not_repeated(server: RunningServer, store: object, field: str) -> None:
    answer = submit(server, store, TWO)
    assert answer.status_code == 422, answer.text
    assert field in {error["field"] for error in answer.json()["errors"]}, answer.text
    assert "hidden" not in answer.text


@pytest.mark.parametrize(
    ("url", "setting"),
    [
        ("https://192.168.1.1/x", "EGRESS_ALLOW"),
        ("http://93.184.215.14/x", "EGRESS_ALLOW"),
        ("https://93.184.215.14:9000/x", "EGRESS_PORTS"),
        ("s3://bucket/x", "STORAGE_ALLOW"),
    ],
)
def test_a_target_that_is_not_called_is_refused_at_submission(
    server: RunningServer, url: str, setting: str
) -> None:
    answer = submit(server, {"url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "egress_refused")
    assert (answer.json()["setting"], answer.json()["field"]) == (setting, "store.url")
