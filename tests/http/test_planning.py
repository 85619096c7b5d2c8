"""``POST /v1/pipelines/plan``: what a pipeline would make of a picture."""

import pytest

from harness.site import PIPELINE
from pixelflow.http.shapes.plans import Plan

PHOTO = {"width": 4000, "height": 3000, "format": "jpeg"}


def planned(site, *steps, source=PHOTO, **fields):
    named = [{"id": f"s{number}", **step} for number, step in enumerate(steps, 1)]
    body = {"pipeline": named, **fields} | ({} if source is None else {"source": source})
    answer = site.client.post("/v1/pipelines/plan", json=body)
    assert answer.status_code == 200, answer.text
    Plan.model_validate(answer.json())
    return answer.json()


def test_an_output_is_told_with_its_size(site):
    plan = planned(site, {"action": "resize", "width": 150, "format": "webp"})

    (output,) = plan["outputs"]
    assert {name: output[name] for name in ("id", "width", "height", "format", "alpha", "frames")} == {
        "id": "s1",
        "width": 150,
        "height": 113,
        "format": "webp",
        "alpha": False,
        "frames": 1,
    }


def test_steps_follow_each_other(site):
    plan = planned(
        site,
        {"action": "resize", "width": 400, "output": False},
        {"action": "border", "width": 10, "from": "s1", "format": "png"},
        {"action": "rotate", "angle": 30, "from": "s2"},
        {"action": "info", "from": "s2"},
    )

    assert [
        (each["id"], each["width"], each["height"], each["format"], each["alpha"]) for each in plan["outputs"]
    ] == [
        ("s2", 420, 320, "png", False),
        ("s3", 524, 487, "jpeg", False),
        ("s4", None, None, "json", None),
    ]


def test_without_a_source_what_holds_for_every_picture_is_told(site):
    plan = planned(
        site,
        {"action": "resize", "width": 300, "height": 200, "fit": "fill", "enlarge": True, "format": "jpeg"},
        {"action": "resize", "width": 300, "enlarge": True},
        {"action": "thumbnail", "width": 300},
        source=None,
    )

    assert [(each["width"], each["height"], each["format"], each["alpha"]) for each in plan["outputs"]] == [
        (300, 200, "jpeg", False),
        (300, None, None, None),
        (None, None, None, None),
    ]


def test_a_pipeline_is_refused_as_at_submission(site):
    wrong = [{"id": "a", "action": "resize", "widht": 3}, {"id": "a", "action": "fly"}]
    refused = site.client.post("/v1/pipelines/plan", json={"pipeline": wrong, "source": PHOTO})
    submitted = site.client.post("/v1/jobs", json={"source_type": "upload", "pipeline": wrong})

    assert refused.status_code == submitted.status_code == 422
    assert refused.json()["errors"] == submitted.json()["errors"]


def test_an_asset_that_is_not_there_is_refused_as_at_submission(site):
    steps = [{"id": "a", "action": "watermark", "image": "ast_0123456789abcdef"}]
    answer = site.client.post("/v1/pipelines/plan", json={"pipeline": steps})

    assert answer.status_code == 422
    assert answer.json()["code"] == "unknown_asset"


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ({}, "source.width"),
        ([], "source"),
        ("ast", "source"),
        ({**PHOTO, "width": 0}, "source.width"),
        ({**PHOTO, "height": "3"}, "source.height"),
        ({**PHOTO, "width": True}, "source.width"),
        ({**PHOTO, "format": "docx"}, "source.format"),
        ({**PHOTO, "format": []}, "source.format"),
        ({**PHOTO, "frames": -1}, "source.frames"),
        ({**PHOTO, "alpha": 1}, "source.alpha"),
        ({**PHOTO, "depth": 12}, "source.depth"),
        ({**PHOTO, "depth": [8]}, "source.depth"),
        ({**PHOTO, "colour": "red"}, "source.colour"),
        ({**PHOTO, "job_id": "x"}, "source.job_id"),
        ({"job_id": 7}, "source.job_id"),
    ],
)
def test_a_source_that_is_none_is_refused(site, source, field):
    answer = site.client.post("/v1/pipelines/plan", json={"pipeline": PIPELINE, "source": source})

    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]


def test_nothing_is_fetched_for_a_plan_and_the_answer_says_what_to_do(site):
    source = {"url": "https://pictures.example/a.png?key=hidden"}
    answer = site.client.post("/v1/pipelines/plan", json={"pipeline": PIPELINE, "source": source})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], "hidden" in answer.text) == ("source.url", False)
    assert "describe the picture, or name a job" in error["message"]


@pytest.mark.parametrize("body", [{"template": "thumb", "source": PHOTO}, {"pipeline": PIPELINE, "x": 1}, {}])
def test_other_fields_are_refused(site, body):
    answer = site.client.post("/v1/pipelines/plan", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] in {"template", "x", "pipeline"}


def test_a_job_that_is_not_there_or_another_tenants_is_not_found(site):
    created = site.client.post("/v1/jobs", json={"pipeline": PIPELINE}, headers={"x-tenant": "else"}).json()

    for job_id in ("01994d3c-7a10-7c52-9f0e-6f8f6f6b1c11", created["id"]):
        answer = site.client.post(
            "/v1/pipelines/plan", json={"pipeline": PIPELINE, "source": {"job_id": job_id}}
        )
        assert answer.status_code == 404


def test_a_job_without_its_picture_cannot_be_planned_for(site):
    created = site.client.post("/v1/jobs", json={"pipeline": PIPELINE}).json()

    answer = site.client.post(
        "/v1/pipelines/plan", json={"pipeline": PIPELINE, "source": {"job_id": created["id"]}}
    )

    assert answer.status_code == 409
    assert answer.json()["code"] == "upload_missing"


def test_a_process_without_decoders_asks_for_a_description(site):
    job_id = site.submit(b"\xff\xd8\xff" + bytes(200))

    answer = site.client.post("/v1/pipelines/plan", json={"pipeline": PIPELINE, "source": {"job_id": job_id}})

    assert answer.status_code == 422
    assert answer.json()["code"] == "source_unreadable"
    assert "describe the source" in answer.json()["detail"]


def test_a_format_left_to_the_server_is_not_told_and_may_keep_frames(site):
    source = {"width": 60, "height": 40, "format": "gif", "frames": 5}
    step = {"action": "resize", "width": 30, "format": "auto"}

    for formats, frames in ((None, 5), (["jpeg", "png"], 1)):
        allowed = {} if formats is None else {"formats": formats}
        taken = {"action": "resize", "width": 30, "from": "s1", "format": "gif"}
        plan = planned(site, step | allowed, taken | ({"format": "png"} if formats else {}), source=source)
        assert (plan["outputs"][0]["format"], plan["outputs"][0]["width"]) == (None, 30)
        assert plan["outputs"][1]["frames"] == frames


def test_the_size_of_another_page_is_not_told(site):
    plan = planned(
        site,
        {"action": "frames", "page": 2, "format": "png"},
        {"action": "resize", "width": 100, "from": "s1", "enlarge": True, "format": "png"},
        {"action": "resize", "width": 100, "format": "png"},
        source={"width": 600, "height": 400, "format": "tiff"},
    )

    assert [(each["width"], each["height"]) for each in plan["outputs"]] == [
        (None, None),
        (100, None),
        (100, 67),
    ]
    assert [each["code"] for each in plan["warnings"]] == ["size_unknown"]
