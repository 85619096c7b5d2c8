"""ParallelPix: upload, status, download, as its document shows them."""

import json
from datetime import datetime
from io import BytesIO

import httpx
import pytest
from PIL import Image

from harness.server import RunningServer


def ended(client: httpx.Client, job_id: str) -> dict[str, str]:
    """The status once the job has ended."""
    client.get(f"/v1/jobs/{job_id}", params={"wait": 20})
    status: dict[str, str] = client.get(f"/v1/status/{job_id}").json()
    return status


def test_upload_status_download(client: httpx.Client, png: bytes) -> None:
    answer = client.post("/v1/upload", files={"file": ("cat.png", png)})
    assert answer.status_code == 200
    assert set(answer.json()) == {"job_id"}
    job_id = answer.json()["job_id"]
    early = client.get(f"/v1/status/{job_id}").json()
    assert early["status"] in {"queued", "processing", "done"}

    status = ended(client, job_id)
    assert set(status) == {"job_id", "status", "submitted_at"}
    assert (status["job_id"], status["status"]) == (job_id, "done")
    assert datetime.fromisoformat(status["submitted_at"]).tzinfo is not None
    download = client.get(f"/v1/download/{job_id}")
    assert (download.status_code, download.headers["content-type"]) == (200, "image/png")
    assert Image.open(BytesIO(download.content)).size == (300, 200)


def test_by_default_a_large_picture_is_fitted_in(client: httpx.Client) -> None:
    file = BytesIO()
    Image.new("RGB", (3000, 1500), "teal").save(file, "JPEG")
    job_id = client.post("/v1/upload", files={"file": file.getvalue()}).json()["job_id"]
    ended(client, job_id)
    picture = Image.open(BytesIO(client.get(f"/v1/download/{job_id}").content))
    assert (picture.size, picture.format) == ((1024, 512), "JPEG")


def test_a_pipeline_of_ones_own_gives_its_first_output(client: httpx.Client, png: bytes) -> None:
    pipeline = [
        {"id": "hidden", "action": "grayscale", "output": False},
        {"id": "first", "action": "resize", "width": 40, "format": "webp", "from": "hidden"},
        {"id": "second", "action": "resize", "width": 20},
    ]
    given = {"files": {"file": png}, "data": {"pipeline": json.dumps(pipeline)}}
    job_id = client.post("/v1/upload", **given).json()["job_id"]
    assert ended(client, job_id)["status"] == "done"
    picture = Image.open(BytesIO(client.get(f"/v1/download/{job_id}").content))
    assert (picture.width, picture.format) == (40, "WEBP")


def test_a_picture_that_cannot_be_done_is_an_error(client: httpx.Client, png: bytes) -> None:
    job_id = client.post("/v1/upload", files={"file": png[: len(png) // 2]}).json()["job_id"]
    status = ended(client, job_id)
    assert status["status"] == "error"
    assert status["error"]
    download = client.get(f"/v1/download/{job_id}")
    assert (download.status_code, download.json()["code"]) == (409, "output_missing")


def test_a_download_that_is_not_ready_says_when(
    server: RunningServer, client: httpx.Client, png: bytes
) -> None:
    made = client.post("/v1/jobs", json={"pipeline": [{"id": "a", "action": "grayscale"}]}).json()
    download = client.get(f"/v1/download/{made['id']}")
    assert download.status_code == 409
    assert download.json() == {
        "error": f"job {made['id']} is awaiting_upload; its output is not ready",
        "code": "output_not_ready",
        "status": "awaiting_upload",
    }
    assert int(download.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("files", "data", "status", "code"),
    [
        ({"file": b"no picture at all"}, {}, 415, "unsupported_image"),
        ({"other": b"x"}, {}, 400, "missing_part"),
        (None, {"pipeline": "[]"}, 400, "malformed_form"),
        ({"file": None}, {"pipeline": '[{"id": "a", "action": "fly"}]'}, 422, "invalid"),
        ({"file": None}, {"pipeline": "{"}, 400, "malformed_json"),
    ],
)
def test_refusals_in_this_dialect(
    client: httpx.Client,
    png: bytes,
    files: dict[str, bytes | None] | None,
    data: dict[str, str],
    status: int,
    code: str,
) -> None:
    given = {name: content or png for name, content in (files or {}).items()}
    answer = client.post("/v1/upload", files=given, data=data)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert isinstance(answer.json()["error"], str)
    assert answer.headers["content-type"] == "application/json"


def test_unknown_ids(client: httpx.Client) -> None:
    for path in ("/v1/status/abc123", "/v1/download/abc123"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (
            404,
            {"error": "there is no such job", "code": "not_found"},
        )
