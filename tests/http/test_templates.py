"""Named pipelines over HTTP, and everywhere that one stands in for a pipeline."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from harness.site import PIPELINE, Site, text
from pixelflow.domain.template import BUILT_IN
from pixelflow.http.shapes.templates import TemplateDifference, TemplatePage, TemplateShape

WIDER = [{**PIPELINE[0], "width": 300}]
MINE = {"x-tenant": "mine"}


def made(site: Site, name: str, pipeline: list[dict[str, Any]], **headers: str) -> dict[str, Any]:
    body = {"name": name, "pipeline": pipeline}
    answer = site.client.post("/v1/templates", json=body, headers=headers)
    assert answer.status_code in {200, 201}, answer.text
    shown: dict[str, Any] = answer.json()
    TemplateShape.model_validate(shown)
    return shown


def test_a_template_is_made_looked_at_and_promoted(site: Site) -> None:
    first = site.client.post(
        "/v1/templates", json={"name": "life", "pipeline": PIPELINE, "description": "For lists"}
    )
    assert (first.status_code, first.headers["location"]) == (201, "/v1/templates/life@1")
    assert first.json()["description"] == "For lists"
    again = site.client.post("/v1/templates", json={"name": "life", "pipeline": PIPELINE})
    assert (again.status_code, again.json()) == (200, first.json())
    second = made(site, "life", WIDER)
    assert (second["id"], second["current_version"], second["newest_version"]) == ("life@2", 1, 2)
    assert site.client.get("/v1/templates/life").json()["id"] == "life@1"
    assert site.client.get("/v1/templates/life@latest").json()["id"] == "life@2"

    path = "/v1/templates/life"
    canary = site.client.post(f"{path}/promote", json={"version": "latest", "alias": "canary"}).json()
    assert (canary["id"], canary["aliases"]) == ("life@2", {"canary": 2})
    assert site.client.post(f"{path}/promote", json={"version": "canary"}).json()["current_version"] == 2
    assert site.client.get(f"{path}@canary").json()["pipeline"] == WIDER
    assert site.client.post(f"{path}/rollback").json()["current_version"] == 1
    refused = site.client.post(f"{path}/rollback", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_earlier_version")

    versions = site.client.get(f"{path}/versions", params={"limit": 1}).json()
    TemplatePage.model_validate(versions)
    assert [each["version"] for each in versions["items"]] == [2]
    rest = site.client.get(f"{path}/versions", params={"cursor": versions["next_cursor"]}).json()
    assert ([each["version"] for each in rest["items"]], rest["next_cursor"]) == ([1], None)

    refused = site.client.delete(f"{path}@2")
    assert (refused.status_code, refused.json()["code"]) == (409, "template_in_use")
    assert site.client.delete(f"{path}@canary").status_code == 204
    assert site.client.delete(f"{path}@2").status_code == 204
    assert site.client.delete(path).status_code == 204
    assert site.client.get(path).status_code == 404
    assert made(site, "life", PIPELINE)["id"] == "life@3"


def test_the_list_has_the_built_in_default_until_there_is_one(site: Site) -> None:
    for name in ("b", "e", "a"):
        made(site, name, PIPELINE, **MINE)
    names: list[str] = []
    cursor = None
    for _ in range(9):
        page = site.client.get(
            "/v1/templates", params={"limit": 1, **({"cursor": cursor} if cursor else {})}, headers=MINE
        ).json()
        TemplatePage.model_validate(page)
        names += [each["id"] for each in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert names == ["a@1", "b@1", "default@0", "e@1"]
    shown = site.client.get("/v1/templates/default", headers=MINE).json()
    assert (shown["built_in"], shown["pipeline"]) == (True, BUILT_IN.pipeline)
    versions = site.client.get("/v1/templates/default/versions", headers=MINE).json()
    assert [each["id"] for each in versions["items"]] == ["default@0"]
    made(site, "default", WIDER, **MINE)
    listed = site.client.get("/v1/templates", headers=MINE).json()
    assert [each["id"] for each in listed["items"]] == ["a@1", "b@1", "default@1", "e@1"]
    assert site.client.get("/v1/templates/default@0", headers=MINE).json()["built_in"]


def test_the_difference_is_told_step_by_step(site: Site) -> None:
    old = [
        {"id": "small", "action": "resize", "width": 150},
        {"id": "grey", "action": "grayscale"},
        {"id": "gone", "action": "invert"},
    ]
    new = [
        {"id": "grey", "action": "grayscale"},
        {"id": "small", "action": "resize", "height": 200, "width": 100},
        {"id": "new", "action": "sepia", "amount": 1},
    ]
    made(site, "diff", old)
    made(site, "diff", new)
    found = site.client.get("/v1/templates/diff/diff").json()
    TemplateDifference.model_validate(found)
    assert (found["from_version"], found["to_version"], found["same"], found["moved"]) == (1, 2, False, True)
    assert found["steps"] == [
        {"id": "gone", "change": "removed", "step": old[2]},
        {
            "id": "small",
            "change": "changed",
            "fields": [{"field": "width", "from": 150, "to": 100}, {"field": "height", "to": 200}],
        },
        {"id": "new", "change": "added", "step": new[2]},
    ]
    assert found["lines"] == [
        '- gone: action="invert"',
        "~ small: width 150 → 100",
        "~ small: height = 200 (was not set)",
        '+ new: action="sepia", amount=1',
        "~ the steps are in another order",
    ]
    back = site.client.get("/v1/templates/diff/diff", params={"from": "latest", "to": 1}).json()
    assert "~ small: height is no longer set (was 200)" in back["lines"]
    same = site.client.get("/v1/templates/diff/diff", params={"from": "1", "to": "1"}).json()
    assert (same["same"], same["steps"], same["lines"]) == (True, [], [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a b", "pipeline": PIPELINE}, "name"),
        ({"name": "a@1", "pipeline": PIPELINE}, "name"),
        ({"name": "x" * 65, "pipeline": PIPELINE}, "name"),
        ({"pipeline": PIPELINE}, "name"),
        ({"name": "bad"}, "pipeline"),
        ({"name": "bad", "pipeline": [{"id": "a", "action": "resize", "widht": 1}]}, "widht"),
        ({"name": "bad", "pipeline": PIPELINE, "description": ""}, "description"),
        ({"name": "bad", "pipeline": PIPELINE, "descriptoin": "x"}, "descriptoin"),
        ({"name": "bad", "pipeline": [{"id": "w", "action": "watermark", "image": "ast_x"}]}, "image"),
    ],
)
def test_a_bad_template_is_refused(site: Site, body: dict[str, Any], field: str) -> None:
    answer = site.client.post("/v1/templates", json=body)
    assert answer.status_code == 422, answer.text
    assert [(error["field"], bool(error["allowed"])) for error in answer.json()["errors"]] == [(field, True)]
    assert site.client.get("/v1/templates/bad").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "version"),
        ({"version": -1}, "version"),
        ({"version": True}, "version"),
        ({"version": 1, "alias": "latest"}, "alias"),
        ({"version": 1, "alias": "9th"}, "alias"),
        ({"version": 1, "to": "x"}, "to"),
    ],
)
def test_a_bad_promotion_is_refused(site: Site, body: dict[str, Any], field: str) -> None:
    made(site, "promoted", PIPELINE)
    answer = site.client.post("/v1/templates/promoted/promote", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_what_is_not_there_is_not_found(site: Site) -> None:
    made(site, "there", PIPELINE)
    for path in (
        "nothing",
        "there@2",
        "there@alias",
        "a%20b",
        "there@01",
        "nothing/versions",
        "nothing/diff",
    ):
        answer = site.client.get(f"/v1/templates/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    for call, body in (("promote", {"version": 1}), ("rollback", {})):
        assert site.client.post(f"/v1/templates/nothing/{call}", json=body).status_code == 404
    assert site.client.delete("/v1/templates/nothing").status_code == 404
    assert site.client.delete("/v1/templates/default").status_code == 404
    assert site.client.get("/v1/templates/there/diff?to=a%20b").status_code == 422
    assert site.client.get("/v1/templates?cursor=a%20b").json()["code"] == "invalid_cursor"
    assert site.client.get("/v1/templates/there/versions?cursor=x").json()["code"] == "invalid_cursor"
    assert site.client.get("/v1/templates/there", headers=MINE).status_code == 404


class TestInPlaceOfAPipeline:
    def test_a_job_remembers_the_exact_version(self, site: Site, jpeg: bytes) -> None:
        made(site, "thumb", PIPELINE)
        made(site, "thumb", WIDER)
        form = {"file": jpeg}
        ways = [
            site.client.post("/v1/jobs", files=form, data={"template": "thumb"}),
            site.client.post("/v1/jobs", json={"template": "thumb@latest"}),
            site.client.post(
                "/v1/jobs",
                json={
                    "source_type": "base64",
                    "image_data": base64.b64encode(jpeg).decode(),
                    "template": "thumb@1",
                },
            ),
        ]
        shown = [site.client.get(f"/v1/jobs/{answer.json()['id']}").json() for answer in ways]
        assert [job["template"] for job in shown] == ["thumb@1", "thumb@2", "thumb@1"]
        assert [job["pipeline"] for job in shown] == [PIPELINE, WIDER, PIPELINE]
        ids = [job["id"] for job in reversed(shown)]

        def listed(**params: str) -> list[str]:
            return [job["id"] for job in site.client.get("/v1/jobs", params=params).json()["items"]]

        assert listed(template="thumb") == ids
        assert listed(template="thumb@1") == [ids[0], ids[2]]
        assert listed(template="thumb", status="queued") == [ids[0], ids[2]]
        assert listed(template="nothing") == []
        site.client.post("/v1/templates/thumb/promote", json={"version": 2})
        assert site.client.get(f"/v1/jobs/{ids[2]}").json()["template"] == "thumb@1"

    def test_a_plan_takes_one(self, site: Site) -> None:
        made(site, "planned", WIDER)
        source = {"width": 3000, "height": 2000, "format": "jpeg"}
        plan = site.client.post("/v1/pipelines/plan", json={"template": "planned", "source": source})
        assert plan.json()["outputs"][0]["height"] == 200

    def test_an_upload_without_words_uses_default(self, site: Site, jpeg: bytes) -> None:
        def uploaded(**data: str) -> dict[str, Any]:
            answer = site.client.post(
                "/v1/upload", files={"file": jpeg}, data=data, headers={"x-tenant": "pix"}
            )
            assert answer.status_code == 200, answer.text
            path = f"/v1/jobs/{answer.json()['job_id']}"
            job: dict[str, Any] = site.client.get(path, headers={"x-tenant": "pix"}).json()
            return job

        assert uploaded()["template"] == "default@0"
        assert uploaded(pipeline=text(WIDER))["template"] is None
        made(site, "default", WIDER, **{"x-tenant": "pix"})
        job = uploaded()
        assert (job["template"], job["pipeline"]) == ("default@1", WIDER)
        assert uploaded(template="default@0")["pipeline"] == BUILT_IN.pipeline

    def test_the_built_in_one_is_not_deleted(self, site: Site) -> None:
        headers = {"x-tenant": "without"}
        answer = site.client.delete("/v1/templates/default", headers=headers)
        assert (answer.status_code, "built-in" in answer.json()["detail"]) == (404, True)
        assert site.client.get("/v1/templates/default", headers=headers).json()["built_in"] is True

    def test_the_zero_config_service_takes_one(self, site: Site, jpeg: bytes) -> None:
        made(site, "zero", WIDER)
        picture = {"image_data": base64.b64encode(jpeg).decode()}
        answer = site.client.post("/jobs", json={**picture, "template": "zero"})
        assert answer.status_code == 202, answer.text
        shown = site.client.get(f"/jobs/{answer.json()['job_id']}").json()
        assert (shown["operation"], shown["width"], shown["height"]) == ("resize", 300, 0)
        plain = {**picture, "template": None, "operation": "thumbnail", "width": 9, "height": 9}
        assert site.client.post("/jobs", json=plain).status_code == 202
        both = site.client.post("/jobs", json={**picture, "template": "zero", "width": 9})
        assert (both.status_code, both.json()["errors"][0]["field"]) == (422, "width")

    def test_both_or_a_wrong_one_is_refused_and_nothing_is_kept(self, site: Site, jpeg: bytes) -> None:
        made(site, "thumb", PIPELINE)
        kept = len(site.files())
        for data, code in (
            ({"template": "thumb", "pipeline": text(PIPELINE)}, "invalid"),
            ({"template": "a b"}, "invalid"),
            ({"template": ""}, "invalid"),
            ({"template": "thum"}, "unknown_template"),
            ({"template": "thumb@99"}, "unknown_template"),
        ):
            for path in ("/v1/jobs", "/v1/upload"):
                answer = site.client.post(path, files={"file": jpeg}, data=data)
                assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
                error = answer.json()["errors"][0]
                assert (error["field"], error["value"]) == ("template", data["template"])
                assert error["allowed"]
        near = site.client.post("/v1/jobs", json={"template": "thum"}).json()
        assert near["errors"][0]["message"] == "there is no template 'thum'; did you mean 'thumb'?"
        assert len(site.files()) == kept
        for value in (3, None, ["thumb"]):
            assert site.client.post("/v1/jobs", json={"template": value}).status_code == 422


def test_a_server_of_templates_only_says_so(make_site: Callable[..., Site], jpeg: bytes) -> None:
    site = make_site(templates_only=True)
    picture = {"image_data": base64.b64encode(jpeg).decode()}
    refused = [
        site.client.post("/v1/jobs", files={"file": jpeg}, data={"pipeline": text(PIPELINE)}),
        site.client.post("/v1/jobs", json={"pipeline": PIPELINE}),
        site.client.post("/v1/pipelines/plan", json={"pipeline": PIPELINE}),
        site.client.post("/v1/upload", files={"file": jpeg}, data={"pipeline": text(PIPELINE)}),
        site.client.post("/jobs", json={**picture, "operation": "resize", "width": 9, "height": 9}),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (403, "templates_only"), answer.text
        assert "TEMPLATES_ONLY" in answer.text
    assert site.files() == []
    made(site, "thumb", PIPELINE)
    assert site.client.post("/v1/jobs", json={"template": "thumb"}).status_code == 201
    assert site.client.post("/v1/upload", files={"file": jpeg}).status_code == 200
    assert site.client.post("/jobs", json={**picture, "template": "thumb"}).status_code == 202


def test_the_same_key_makes_one_version(site: Site) -> None:
    body, key = {"name": "keyed", "pipeline": PIPELINE}, {"Idempotency-Key": "template-1"}
    assert site.client.post("/v1/templates", json=body, headers=key).json()["version"] == 1
    made(site, "keyed", WIDER)
    assert site.client.post("/v1/templates", json=body, headers=key).json()["version"] == 1
    other = site.client.post("/v1/templates", json={**body, "pipeline": WIDER}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
