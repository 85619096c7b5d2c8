"""The zero-config service, as its document shows it."""

from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from harness.server import RunningServer

SHOWN = {
    *("id", "status", "input_path", "output_path", "operation", "width", "height", "created_at", "updated_at")
}


def submitted(client: httpx.Client, **fields: Any) -> str:
    answer = client.post("/jobs", json=fields)
    assert answer.status_code == 202, answer.text
    assert answer.json() == {
        "job_id": answer.json()["job_id"],
        "status": "pending",
        "message": "Image processing job submitted",
    }
    job_id: str = answer.json()["job_id"]
    return job_id


def ended(client: httpx.Client, job_id: str) -> dict[str, Any]:
    client.get(f"/v1/jobs/{job_id}", params={"wait": 20})
    job: dict[str, Any] = client.get(f"/jobs/{job_id}").json()
    return job


def test_resize_is_exact_and_may_distort(
    server: RunningServer, client: httpx.Client, png_base64: str
) -> None:
    job_id = submitted(
        client, image_data=png_base64, operation="resize", width=800, height=600, output_format="jpeg"
    )
    job = ended(client, job_id)
    assert set(job) == SHOWN
    assert (job["id"], job["status"], job["operation"]) == (job_id, "completed", "resize")
    assert (job["width"], job["height"]) == (800, 600)
    for moment in (job["created_at"], job["updated_at"]):
        assert datetime.fromisoformat(moment).tzinfo is not None
    for path in (job["input_path"], job["output_path"]):
        assert path.startswith("./uploads/" if path == job["input_path"] else "./outputs/")
        assert (server.folder / path).is_file()
    download = client.get(f"/jobs/{job_id}/download")
    assert (download.status_code, download.headers["content-type"]) == (200, "image/jpeg")
    picture = Image.open(BytesIO(download.content))
    assert (picture.size, picture.format) == ((800, 600), "JPEG")
    assert download.content == Path(server.folder / job["output_path"]).read_bytes()


def test_thumbnail_fits_and_keeps_the_inputs_format(client: httpx.Client, png_base64: str) -> None:
    job_id = submitted(client, image_data=png_base64, operation="thumbnail", width=100, height=100)
    assert ended(client, job_id)["operation"] == "thumbnail"
    picture = Image.open(BytesIO(client.get(f"/jobs/{job_id}/download").content))
    assert (picture.size, picture.format) == ((100, 67), "PNG")


@pytest.mark.parametrize(("given", "format_"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")])
def test_output_formats(client: httpx.Client, png_base64: str, given: str, format_: str) -> None:
    job_id = submitted(
        client, image_data=png_base64, operation="resize", width=10, height=10, output_format=given
    )
    ended(client, job_id)
    assert Image.open(BytesIO(client.get(f"/jobs/{job_id}/download").content)).format == format_


def test_a_data_url_and_broken_lines_are_base64_too(client: httpx.Client, png_base64: str) -> None:
    lines = "\n".join(png_base64[start : start + 76] for start in range(0, len(png_base64), 76))
    for given in (f"data:image/png;base64,{png_base64}", lines):
        assert submitted(client, image_data=given, operation="resize", width=10, height=10)


def test_a_failed_job_is_failed(client: httpx.Client, png_base64: str) -> None:
    cut = png_base64[: len(png_base64) // 8 * 4]
    job = ended(client, submitted(client, image_data=cut, operation="resize", width=10, height=10))
    assert set(job) == SHOWN | {"error"}
    assert (job["status"], job["output_path"]) == ("failed", "")
    download = client.get(f"/jobs/{job['id']}/download")
    assert (download.status_code, download.json()["code"]) == (409, "output_missing")


def test_a_job_that_waits_is_pending(client: httpx.Client) -> None:
    made = client.post(
        "/v1/jobs", json={"pipeline": [{"id": "a", "action": "resize", "width": "50%"}]}
    ).json()
    job = client.get(f"/jobs/{made['id']}").json()
    assert set(job) == SHOWN
    assert (job["status"], job["input_path"], job["output_path"], job["width"]) == ("pending", "", "", 0)
    download = client.get(f"/jobs/{made['id']}/download")
    assert (download.status_code, download.headers["retry-after"]) == (409, "1")


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"operation": "sharpen"}, 422, "operation"),
        ({"operation": None}, 422, "operation"),
        ({"width": 0}, 422, "width"),
        ({"height": "600"}, 422, "height"),
        ({"height": 65536}, 422, "height"),
        ({"output_format": "doc"}, 422, "format"),
        ({"quality": 3}, 422, "quality"),
        ({"image_data": "***"}, 400, None),
        ({"image_data": None}, 400, None),
        ({"image_data": "aGVsbG8gd29ybGQh"}, 415, None),
    ],
)
def test_refusals(
    client: httpx.Client, png_base64: str, change: dict[str, Any], status: int, field: str | None
) -> None:
    given = {"image_data": png_base64, "operation": "resize", "width": 8, "height": 8, **change}
    answer = client.post("/jobs", json=given)
    assert answer.status_code == status, answer.text
    found = answer.json()
    assert isinstance(found["error"], str)
    assert isinstance(found["code"], str)
    if field:
        assert field in {error["field"] for error in found["errors"]}


def test_unknown_ids_and_health(client: httpx.Client) -> None:
    for path in ("/jobs/abc123", "/jobs/abc123/download"):
        assert client.get(path).json() == {"error": "there is no such job", "code": "not_found"}
    assert client.get("/health").json() == {"status": "ok"}
