"""A picture's whole way through a real server."""

import json
import time
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image

from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server

HOSTILE = Path(__file__).parents[2] / "../shared/images/hostile"
PIPELINE = [
    {"id": "large", "action": "resize", "width": 400, "format": "jpeg"},
    {"id": "small", "action": "resize", "width": 100, "format": "webp", "from": "large"},
    {"id": "facts", "action": "info"},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server"), MAX_JOB_SECONDS="10") as running:
        yield running


def test_from_upload_to_every_output(client: httpx.Client) -> None:
    picture = encoded(photo(800, 600), "JPEG", quality=92)
    made = client.post("/v1/jobs", files={"file": picture}, data={"pipeline": json.dumps(PIPELINE)})
    assert made.status_code == 202, made.text
    job = client.get(made.json()["links"]["self"], params={"wait": 30}).json()
    assert job["status"] == "completed", job
    assert [output["id"] for output in job["outputs"]] == ["large", "small", "facts"]
    sizes = {}
    for output in job["outputs"][:2]:
        answer = client.get(output["url"])
        assert answer.headers["etag"] == f'"{output["sha256"]}"'
        sizes[output["id"]] = Image.open(BytesIO(answer.content)).size
    assert sizes == {"large": (400, 300), "small": (100, 75)}
    facts = client.get(job["outputs"][2]["url"])
    assert facts.headers["content-type"] == "application/json"
    assert facts.json()["width"] == 800
    with zipfile.ZipFile(BytesIO(client.get(f"/v1/jobs/{job['id']}/outputs.zip").content)) as archive:
        assert archive.namelist() == ["large.jpg", "small.webp", "facts.json"]


def test_an_uploaded_picture_is_planned_for_by_its_header(client: httpx.Client) -> None:
    picture = encoded(photo(301, 200).convert("LA"), "PNG")
    created = client.post("/v1/jobs", json={"pipeline": PIPELINE}).json()
    assert client.put(created["upload"]["url"], content=picture).status_code == 200
    source = {"job_id": created["id"]}

    plan = client.post("/v1/pipelines/plan", json={"source": source, "pipeline": PIPELINE[:2]}).json()

    shapes = [(each["width"], each["height"], each["format"], each["alpha"]) for each in plan["outputs"]]
    assert shapes == [(301, 200, "jpeg", False), (100, 66, "webp", True)]


def test_a_picture_that_cannot_be_read_cannot_be_planned_for(client: httpx.Client) -> None:
    created = client.post("/v1/jobs", json={"pipeline": PIPELINE}).json()
    client.put(created["upload"]["url"], content=b"GIF89a" + bytes(500))

    body = {"source": {"job_id": created["id"]}, "pipeline": PIPELINE}
    answer = client.post("/v1/pipelines/plan", json=body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "source_unreadable"


def test_events_tell_of_the_end(client: httpx.Client) -> None:
    picture = encoded(photo(1600, 1200), "PNG")
    made = client.post("/v1/jobs", files={"file": picture}, data={"pipeline": json.dumps(PIPELINE)}).json()
    with client.stream("GET", made["links"]["events"]) as answer:
        names = [line.removeprefix("event: ") for line in answer.iter_lines() if line.startswith("event: ")]
    assert names[0] == "job.updated"
    assert names[-1] == "job.completed"
    assert names.count("job.completed") == 1


def test_a_watermark_from_an_asset(client: httpx.Client) -> None:
    mark = Image.new("RGBA", (50, 50), (255, 0, 0, 255))
    asset = client.post("/v1/assets", content=encoded(mark, "PNG")).json()["id"]
    pipeline = [{"id": "w", "action": "watermark", "image": asset, "gravity": "south_east", "format": "png"}]
    picture = encoded(Image.new("RGB", (200, 200), "blue"), "PNG")
    made = client.post("/v1/jobs", files={"file": picture}, data={"pipeline": json.dumps(pipeline)}).json()
    job = client.get(made["links"]["self"], params={"wait": 30}).json()
    assert job["status"] == "completed", job
    result = Image.open(BytesIO(client.get(job["outputs"][0]["url"]).content)).convert("RGB")
    assert result.getpixel((5, 5)) == (0, 0, 255)
    red = sum(result.getpixel((x, y)) == (255, 0, 0) for x in range(100, 200) for y in range(100, 200))
    assert red > 500


def test_an_earlier_upload_and_a_step_are_laid_over_without_being_sent_again(client: httpx.Client) -> None:
    logo = encoded(Image.new("RGB", (40, 40), "red"), "PNG")
    small = json.dumps([{"id": "s", "action": "thumbnail", "width": 10}])
    earlier = client.post("/v1/jobs", files={"file": logo}, data={"pipeline": small}).json()["id"]
    laid = {"action": "watermark", "width": 20, "format": "png"}
    pipeline = [
        {"id": "marked", **laid, "image": f"job:{earlier}", "gravity": "north_west"},
        {"id": "inverted", "action": "invert", "output": False},
        {"id": "both", **laid, "from": "marked", "image": "step:inverted", "gravity": "south_east"},
    ]
    picture = encoded(Image.new("RGB", (100, 100), "blue"), "PNG")

    made = client.post("/v1/jobs", files={"file": picture}, data={"pipeline": json.dumps(pipeline)}).json()

    job = client.get(made["links"]["self"], params={"wait": 30}).json()
    assert job["status"] == "completed", job
    result = Image.open(BytesIO(client.get(job["outputs"][-1]["url"]).content)).convert("RGB")
    assert [result.getpixel(at) for at in ((5, 5), (50, 50), (95, 95))] == [
        (255, 0, 0),
        (0, 0, 255),
        (255, 255, 0),
    ]


def test_a_sheet_of_an_asset_an_earlier_upload_and_the_own_picture(client: httpx.Client) -> None:
    red, green, blue = (encoded(Image.new("RGB", (40, 40), name), "PNG") for name in ("red", "lime", "blue"))
    asset = client.post("/v1/assets", content=red).json()["id"]
    small = json.dumps([{"id": "s", "action": "thumbnail", "width": 10}])
    earlier = client.post("/v1/jobs", files={"file": green}, data={"pipeline": small}).json()["id"]
    sheet = {"action": "contact_sheet", "width": 20, "height": 20, "gap": 0, "columns": 3}
    pipeline = [
        {"id": "sheet", **sheet, "images": [asset, f"job:{earlier}"]},
        {"id": "moving", "action": "animate", "images": [asset, f"job:{earlier}"], "delay": 90},
    ]

    made = client.post("/v1/jobs", files={"file": blue}, data={"pipeline": json.dumps(pipeline)}).json()

    job = client.get(made["links"]["self"], params={"wait": 30}).json()
    assert job["status"] == "completed", job
    laid, moving = (Image.open(BytesIO(client.get(each["url"]).content)) for each in job["outputs"])
    assert [laid.convert("RGB").getpixel((x, 10)) for x in (10, 30, 50)] == [
        (0, 0, 255),
        (255, 0, 0),
        (0, 255, 0),
    ]
    assert (moving.format, moving.n_frames, moving.size) == ("WEBP", 3, (40, 40))

    pipeline[0]["images"] = [asset, "ast_lost"]
    refused = client.post("/v1/jobs", json={"pipeline": pipeline})
    assert refused.status_code == 422
    assert refused.json()["errors"][0] | {"message": "", "allowed": ""} == {
        "message": "",
        "field": "images",
        "step": "sheet",
        "value": "ast_lost",
        "allowed": "",
    }


def test_cancelling_a_running_job_is_one_end(client: httpx.Client) -> None:
    picture = encoded(photo(2000, 2000), "PNG")
    pipeline = [{"id": f"s{n}", "action": "blur", "sigma": 40 + n, "format": "avif"} for n in range(6)]
    made = client.post("/v1/jobs", files={"file": picture}, data={"pipeline": json.dumps(pipeline)}).json()
    cancelled = client.post(f"/v1/jobs/{made['id']}/cancel")
    assert cancelled.status_code in {200, 409}
    job = client.get(f"/v1/jobs/{made['id']}", params={"wait": 30}).json()
    assert job["status"] == ("cancelled" if cancelled.status_code == 200 else "completed")


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="the hostile pictures are not here")
def test_hostile_pictures_end_in_a_result_or_a_typed_error(
    server: RunningServer, client: httpx.Client
) -> None:
    files = sorted(HOSTILE.iterdir())
    pipeline = json.dumps([{"id": "a", "action": "thumbnail", "width": 64, "height": 64, "format": "png"}])
    jobs = []
    for file in files:
        answer = client.post("/v1/jobs", files={"file": file.read_bytes()}, data={"pipeline": pipeline})
        assert answer.status_code in {202, 415}, (file, answer.text)
        if answer.status_code == 202:
            jobs.append((file, answer.json()["id"]))
    assert jobs
    end = time.monotonic() + 120
    for file, job_id in jobs:
        job = client.get(f"/v1/jobs/{job_id}", params={"wait": max(0, end - time.monotonic())}).json()
        assert job["status"] in {"completed", "failed", "quarantined"}, (file, job)
        if job["status"] != "completed":
            assert job["error"]["code"] in {"corrupt", "unsupported", "limit", "timeout", "crash", "oom"}, job
    assert client.get("/readyz").status_code == 200
