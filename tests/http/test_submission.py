"""Creating jobs: forms, JSON, signed uploads, idempotency, and everything that is refused."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.site import PIPELINE, Site, text


def test_a_form_is_queued_with_all_that_it_says(site: Site, jpeg: bytes) -> None:
    answer = site.client.post(
        "/v1/jobs",
        files={"file": ("../../etc/passwd", jpeg)},
        data={
            "pipeline": text(PIPELINE),
            "priority": "7",
            "metadata": '{"order": 17}',
            "webhook_url": "https://client.example/hook",
            "expires_in": "3.6e3",
        },
    )
    assert answer.status_code == 202
    made = answer.json()
    assert made["id"] == made["job_id"]
    assert made["status"] == "queued"
    assert "upload" not in made
    assert answer.headers["location"] == made["links"]["self"] == f"/v1/jobs/{made['id']}"
    job = site.client.get(made["links"]["self"]).json()
    assert (job["priority"], job["metadata"], job["webhook_url"]) == (
        7,
        {"order": 17},
        "https://client.example/hook",
    )
    assert job["pipeline"] == PIPELINE
    assert job["source"] == {
        "type": "upload",
        "url": None,
        "bytes": len(jpeg),
        "sha256": hashlib.sha256(jpeg).hexdigest(),
        "format": "jpeg",
        "width": None,
        "height": None,
        "gone_at": None,
    }
    assert job["expires_at"] > job["created_at"]


@pytest.mark.parametrize("file_first", [True, False])
def test_parts_come_in_any_order_and_bodies_in_chunks(site: Site, jpeg: bytes, file_first: bool) -> None:
    file = b'--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + jpeg + b"\r\n"
    pipeline = (
        b'--B\r\nContent-Disposition: form-data; name="pipeline"\r\n\r\n' + text(PIPELINE).encode() + b"\r\n"
    )
    body = (file + pipeline if file_first else pipeline + file) + b"--B--\r\n"

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(body), 997):
            yield body[start : start + 997]

    answer = site.client.post(
        "/v1/jobs", content=chunks(), headers={"content-type": "multipart/form-data; boundary=B"}
    )
    assert answer.status_code == 202, answer.text
    source = site.client.get(f"/v1/jobs/{answer.json()['id']}").json()["source"]
    assert source["sha256"] == hashlib.sha256(jpeg).hexdigest()


def test_a_file_that_looks_like_a_boundary_comes_through_whole(site: Site, jpeg: bytes) -> None:
    tricky = jpeg + b"\r\n--" + b"\r\n--B" + b"\r\n-" * 50
    body = (
        b'--BB\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + tricky + b"\r\n"
        b'--BB\r\nContent-Disposition: form-data; name="pipeline"\r\n\r\n'
        + text(PIPELINE).encode()
        + b"\r\n--BB--\r\n"
    )
    for size in (1, 3, 64, len(body)) if len(body) < 20_000 else (61, 64, len(body)):
        pieces = iter([body[start : start + size] for start in range(0, len(body), size)])
        answer = site.client.post(
            "/v1/jobs", content=pieces, headers={"content-type": "multipart/form-data; boundary=BB"}
        )
        source = site.client.get(f"/v1/jobs/{answer.json()['id']}").json()["source"]
        assert source["sha256"] == hashlib.sha256(tricky).hexdigest()


def test_base64_starts_at_once(site: Site, jpeg: bytes) -> None:
    body = {"source_type": "base64", "image_data": base64.b64encode(jpeg).decode(), "pipeline": PIPELINE}
    answer = site.client.post("/v1/jobs", json=body)
    assert answer.status_code == 202
    assert answer.json()["status"] == "queued"
    source = site.client.get(f"/v1/jobs/{answer.json()['id']}").json()["source"]
    assert (source["type"], source["bytes"]) == ("base64", len(jpeg))


@pytest.mark.parametrize("kind", ["upload", "s3_presigned"])
def test_create_upload_start(site: Site, jpeg: bytes, webp: bytes, kind: str) -> None:
    answer = site.client.post("/v1/jobs", json={"source_type": kind, "pipeline": PIPELINE})
    assert answer.status_code == 201
    made = answer.json()
    assert made["status"] == "awaiting_upload"
    upload = made["upload"]
    assert upload["url"].startswith(f"{site.url}/v1/uploads/{made['id']}?")

    early = site.client.post(f"/v1/jobs/{made['id']}/start")
    assert (early.status_code, early.json()["code"]) == (409, "upload_missing")

    for picture in (webp, jpeg):
        sent = site.client.request(
            upload["method"], upload["url"], content=picture, headers=upload["headers"]
        )
        assert sent.status_code == 200, sent.text
        assert sent.json()["sha256"] == hashlib.sha256(picture).hexdigest()
    started = site.client.post(f"/v1/jobs/{made['id']}/start")
    assert (started.status_code, started.json()["status"]) == (202, "queued")
    again = site.client.post(f"/v1/jobs/{made['id']}/start")
    assert again.status_code == 202
    late = site.client.put(upload["url"], content=jpeg)
    assert (late.status_code, late.json()["code"]) == (409, "state_conflict")

    inputs = [path for path in site.files() if made["id"] in path.name]
    assert [path.read_bytes() for path in inputs] == [jpeg]
    job = site.client.get(f"/v1/jobs/{made['id']}").json()
    assert (job["source"]["type"], job["source"]["format"]) == (kind, "jpeg")


class TestIdempotency:
    def test_the_same_request_gives_the_same_job(self, site: Site, jpeg: bytes) -> None:
        before = len(site.files())
        for kind in ("form", "json"):
            answers = []
            for _ in range(3):
                headers = {"idempotency-key": f"same-{kind}"}
                if kind == "form":
                    given: dict[str, Any] = {"files": {"file": jpeg}, "data": {"pipeline": text(PIPELINE)}}
                else:
                    given = {"json": {"pipeline": PIPELINE}}
                answers.append(site.client.post("/v1/jobs", headers=headers, **given))
            assert len({answer.json()["id"] for answer in answers}) == 1
            assert len({answer.status_code for answer in answers}) == 1
            assert [answer.headers.get("idempotency-replayed") for answer in answers] == [
                None,
                "true",
                "true",
            ]
        assert len(site.files()) == before + 1

    def test_another_request_is_refused(self, site: Site, jpeg: bytes, webp: bytes) -> None:
        headers = {"idempotency-key": "other"}
        data = {"pipeline": text(PIPELINE)}
        first = site.client.post("/v1/jobs", files={"file": jpeg}, data=data, headers=headers)
        before = len(site.files())
        other = site.client.post("/v1/jobs", files={"file": webp}, data=data, headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
        changed = {"pipeline": text([{**PIPELINE[0], "width": 151}])}
        other = site.client.post("/v1/jobs", files={"file": jpeg}, data=changed, headers=headers)
        assert other.status_code == 422
        assert first.status_code == 202
        assert len(site.files()) == before

    def test_a_running_twin_is_a_conflict_that_passes(self, site: Site, jpeg: bytes) -> None:
        halfway, go_on = threading.Event(), threading.Event()
        head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + jpeg
        tail = b'\r\n--B\r\nContent-Disposition: form-data; name="pipeline"\r\n\r\n'
        tail += text(PIPELINE).encode() + b"\r\n--B--\r\n"

        def slowly() -> Iterator[bytes]:
            yield head
            halfway.set()
            assert go_on.wait(10)
            yield tail

        headers = {"idempotency-key": "twin", "content-type": "multipart/form-data; boundary=B"}
        answers = []
        first = threading.Thread(
            target=lambda: answers.append(site.client.post("/v1/jobs", content=slowly(), headers=headers))
        )
        first.start()
        assert halfway.wait(10)
        while not site.services.jobs.running.keys:
            assert first.is_alive()
        twin = site.client.post("/v1/jobs", content=head + tail, headers=headers)
        assert (twin.status_code, twin.json()["code"]) == (409, "idempotency_running")
        assert twin.headers["retry-after"] == "1"
        go_on.set()
        first.join(10)
        assert answers[0].status_code == 202
        after = site.client.post("/v1/jobs", content=head + tail, headers=headers)
        assert after.json()["id"] == answers[0].json()["id"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("pipeline", "field"),
        [
            ([], "pipeline"),
            ({"id": "x"}, "pipeline"),
            ([{"id": f"s{n}", "action": "grayscale"} for n in range(21)], "pipeline"),
            ([{"id": "a", "action": "fly"}], "action"),
            ([{"id": "a", "action": "resize", "width": 0}], "width"),
            ([{"id": "a", "action": "resize", "width": 5, "colour": "red"}], "colour"),
            ([{"id": "a", "action": "resize", "width": 5, "format": "doc"}], "format"),
            ([{"id": "a", "action": "grayscale", "from": "b"}], "from"),
            ([{"id": "a", "action": "grayscale"}, {"id": "a", "action": "invert"}], "id"),
            (
                [
                    {"id": "a", "action": "grayscale", "from": "b"},
                    {"id": "b", "action": "invert", "from": "a"},
                ],
                "from",
            ),
            ([{"id": "a", "action": "watermark", "image": "ast_" + "0" * 32}], "image"),
        ],
    )
    @pytest.mark.parametrize("file_first", [True, False])
    def test_49_a_bad_pipeline_names_the_field_and_keeps_nothing(
        self, site: Site, jpeg: bytes, pipeline: object, field: str, file_first: bool
    ) -> None:
        before = len(site.files())
        file, order = ("file", ("x", jpeg)), ("pipeline", (None, text(pipeline)))
        answer = site.client.post("/v1/jobs", files=[file, order] if file_first else [order, file])
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        found = answer.json()
        assert field in {error["field"] for error in found["errors"]}
        assert all(
            {"step", "field", "value", "allowed", "message"} == set(error) for error in found["errors"]
        )
        assert len(site.files()) == before

    def test_every_problem_is_listed_at_once(self, site: Site) -> None:
        body = {
            "source_type": "fax",
            "pipeline": [{"id": "a", "action": "resize", "width": -1}],
            "priority": 11,
            "metadata": [],
            "webhook_url": "ftp://x",
            "expires_in": 0,
            "surprise": 1,
        }
        answer = site.client.post("/v1/jobs", json=body)
        assert answer.status_code == 422
        errors = {error["field"]: error for error in answer.json()["errors"]}
        assert set(errors) >= {
            "source_type",
            "width",
            "priority",
            "metadata",
            "webhook_url",
            "expires_in",
            "surprise",
        }
        assert errors["source_type"]["allowed"] == "upload, s3_presigned, url, base64"

    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)",
            "https://",
            "//host/x",
            "https://user:s3cret@host/",
            "http://[::1",
            "https://host:0/",
            "https://host/a b",
            "https://host/\r\nX: y",
            "https://" + "h" * 3000,
            17,
        ],
    )
    def test_a_webhook_url_is_checked_and_never_repeated(self, site: Site, url: object) -> None:
        answer = site.client.post("/v1/jobs", json={"pipeline": PIPELINE, "webhook_url": url})
        assert answer.status_code == 422
        assert "s3cret" not in answer.text
        assert answer.json()["errors"][0]["field"] == "webhook_url"

    def test_metadata_has_a_cap(self, site: Site) -> None:
        answer = site.client.post("/v1/jobs", json={"pipeline": PIPELINE, "metadata": {"a": "x" * 9000}})
        assert answer.status_code == 422
        assert "8192" in answer.json()["errors"][0]["allowed"]

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"{", "malformed_json"),
            (b"[]", "malformed_json"),
            (b"\xff", "malformed_json"),
            (b'{"source_type": "base64"}', "missing_field"),
            (b'{"source_type": "base64", "image_data": "&&&&"}', "malformed_base64"),
            (b'{"source_type": "base64", "image_data": "AAA"}', "malformed_base64"),
            ('{"source_type": "base64", "image_data": "äää="}'.encode(), "malformed_base64"),
        ],
    )
    def test_broken_json_and_base64_are_400(self, site: Site, body: bytes, code: str) -> None:
        answer = site.client.post("/v1/jobs", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, code)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", "malformed_form"),
            (b"nothing", "malformed_form"),
            (b'--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n\xff\xd8\xff', "malformed_form"),
            (b"--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--\r\n", "malformed_form"),
            (
                b'--B\r\nContent-Disposition: form-data; name="pipeline"\r\n\r\n[]\r\n--B--\r\n',
                "missing_part",
            ),
            (
                b'--B\r\nContent-Disposition: form-data; name="priority"\r\n\r\nhigh\r\n--B--\r\n',
                "malformed_json",
            ),
        ],
    )
    def test_broken_forms_are_400_and_keep_nothing(self, site: Site, body: bytes, code: str) -> None:
        before = len(site.files())
        answer = site.client.post(
            "/v1/jobs", content=body, headers={"content-type": "multipart/form-data; boundary=B"}
        )
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert len(site.files()) == before

    def test_broken_pipeline_json_is_400(self, site: Site, jpeg: bytes) -> None:
        answer = site.client.post("/v1/jobs", files={"file": jpeg}, data={"pipeline": "[{"})
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")

    def test_a_full_queue_is_503_with_the_setting(self, make_site: Callable[..., Site], jpeg: bytes) -> None:
        site = make_site(max_queue_depth=1)
        site.submit(jpeg)
        site.services.jobs.admission._looked_at = float("-inf")
        answer = site.client.post("/v1/jobs", files={"file": jpeg}, data={"pipeline": text(PIPELINE)})
        assert (answer.status_code, answer.json()["code"]) == (503, "queue_full")
        assert "MAX_QUEUE_DEPTH" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) > 0

    def test_a_disk_with_too_little_room_is_503_with_the_setting(
        self, make_site: Callable[..., Site], jpeg: bytes
    ) -> None:
        site = make_site(min_free_bytes=1 << 60)
        answer = site.client.post("/v1/jobs", files={"file": jpeg}, data={"pipeline": text(PIPELINE)})
        assert (answer.status_code, answer.json()["code"]) == (503, "disk_full")
        assert "MIN_FREE_BYTES" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) > 0
        assert site.files() == []


def test_the_bare_call_and_its_framework_twin_are_the_same(site: Site, jpeg: bytes) -> None:
    """With the fast way closed, the same request reaches FastAPI's route."""
    direct = site.client.post("/v1/jobs", json={"pipeline": PIPELINE})
    from pixelflow.http import app

    fast = app.match
    try:
        app.match = lambda method, path: (None, "", ())
        through = site.client.post("/v1/jobs", json={"pipeline": PIPELINE})
        job = site.client.get(f"/v1/jobs/{direct.json()['id']}")
        bad = site.client.post("/v1/jobs", content=b"{")
        sent = site.client.put(through.json()["upload"]["url"], content=jpeg)
        healthy = site.client.get("/healthz")
    finally:
        app.match = fast
    assert (through.status_code, set(through.json())) == (direct.status_code, set(direct.json()))
    assert job.json() == site.client.get(f"/v1/jobs/{direct.json()['id']}").json()
    slow, quick = bad.json(), site.client.post("/v1/jobs", content=b"{").json()
    assert {**slow, "request_id": ""} == {**quick, "request_id": ""}
    assert sent.status_code == 200
    assert healthy.json() == {"status": "ok"}
    assert json.loads(site.client.get("/healthz").content) == healthy.json()
