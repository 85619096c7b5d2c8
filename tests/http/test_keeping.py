"""What is kept, what goes and when, what an operator sees of it, and who did what."""

import json
import os
import time
from typing import Any

import pytest

from harness.site import PIPELINE, Site

ALL_AT_ONCE = {"source": 0, "outputs": 0}


def made(site: Site, jpeg: bytes, webp: bytes, **keep: float) -> str:
    return site.done(jpeg, {"thumb": webp}, keep=json.dumps(keep))


def test_what_is_kept_no_longer_answers_410_and_its_record_stays(
    site: Site, jpeg: bytes, webp: bytes
) -> None:
    job_id = made(site, jpeg, webp, **ALL_AT_ONCE)
    before = site.client.get(f"/v1/jobs/{job_id}").json()
    assert before["keep"] == {"source": 0, "outputs": 0, "record": None}

    swept = site.client.post("/v1/admin/gc").json()

    assert swept["jobs"]["source"] == {"count": 1, "bytes": len(jpeg)}
    assert swept["jobs"]["outputs"] == {"count": 1, "bytes": len(webp)}
    for path in ("outputs/thumb", "outputs.zip"):
        answer = site.client.get(f"/v1/jobs/{job_id}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (410, "output_gone")
        assert answer.json()["setting"] == "OUTPUT_TTL_SECONDS"
    assert site.client.get(f"/v1/download/{job_id}").status_code == 410
    after = site.client.get(f"/v1/jobs/{job_id}").json()
    assert (after["status"], after["outputs"][0]["url"]) == ("completed", None)
    assert after["outputs"][0]["gone_at"]
    assert after["source"]["gone_at"]
    assert after["outputs"][0]["sha256"] == before["outputs"][0]["sha256"]
    assert not [file for file in site.files() if job_id in str(file)]


def test_a_job_whose_picture_is_gone_is_not_tried_again(site: Site, jpeg: bytes) -> None:
    job_id = site.submit(jpeg, keep=json.dumps({"source": 0}))
    site.client.post(f"/v1/jobs/{job_id}/cancel")
    site.client.post("/v1/admin/gc")
    for verb in ("retry", "replay"):
        answer = site.client.post(f"/v1/jobs/{job_id}/{verb}")
        assert (answer.status_code, answer.json()["code"]) == (409, "source_gone"), verb
        assert answer.json()["setting"] == "SOURCE_TTL_SECONDS"
    plan = {"pipeline": PIPELINE, "source": {"job_id": job_id}}
    told = site.client.post("/v1/pipelines/plan", json=plan)
    assert (told.status_code, told.json()["code"]) == (422, "source_unreadable")


def test_a_jobs_time_goes_before_its_templates(site: Site, jpeg: bytes) -> None:
    keep = {"source": 60, "outputs": 70}
    made = site.client.post("/v1/templates", json={"name": "kept", "pipeline": PIPELINE, "keep": keep})
    assert made.json()["keep"] == {**keep, "record": None}
    again = site.client.post("/v1/templates", json={"name": "kept", "pipeline": PIPELINE})
    assert (again.status_code, again.json()["version"]) == (201, 2), "without its times it is another one"

    def of(**given: str) -> object:
        form = {"template": "kept@1", **given}
        job = site.client.post("/v1/jobs", files={"file": jpeg}, data=form).json()["id"]
        return site.client.get(f"/v1/jobs/{job}").json()["keep"]

    assert of() == {**keep, "record": None}
    assert of(keep='{"source": 5, "record": 99}') == {"source": 5, "outputs": 70, "record": 99}


def test_a_tenants_time_is_the_longest_that_its_jobs_have(site: Site, jpeg: bytes) -> None:
    path, mine = "/v1/admin/tenants/brief/keep", {"x-tenant": "brief"}
    assert site.client.get(path).json() == {"source": None, "outputs": None, "record": None}
    keep = {"source": 60, "outputs": None, "record": 600}
    assert site.client.put(path, json={"source": 60, "record": 600}).json() == keep

    def of(**given: str) -> object:
        form = {"pipeline": json.dumps(PIPELINE), **given}
        made = site.client.post("/v1/jobs", files={"file": jpeg}, data=form, headers=mine)
        return site.client.get(f"/v1/jobs/{made.json()['id']}", headers=mine).json()["keep"]

    assert of() == keep
    assert of(keep='{"source": 5, "outputs": 7, "record": 9999}') == {
        "source": 5,
        "outputs": 7,
        "record": 600,
    }
    (line,) = site.client.get("/v1/audit", headers=mine).json()["items"]
    assert (line["action"], line["actor"], line["detail"]) == ("tenant.keep_changed", "operator", keep)
    assert site.client.put(path, json={}).json() == {"source": None, "outputs": None, "record": None}
    assert of() is None
    for body, status in (({"source": -1}, 422), ({"age": 1}, 422)):
        assert site.client.put(path, json=body).status_code == status
    assert site.client.put(path, content=b"{}", headers={"content-type": "text/plain"}).status_code == 400
    assert site.client.put(path, json={}, headers={"x-forwarded-for": "127.0.0.1"}).status_code == 403


def test_a_picture_that_is_gone_is_referred_to_no_more(site: Site, jpeg: bytes) -> None:
    job_id = site.submit(jpeg, keep=json.dumps({"source": 0}))
    mark = {"pipeline": [{"id": "w", "action": "watermark", "image": f"job:{job_id}"}]}
    assert site.client.post("/v1/jobs", json=mark).status_code == 201
    site.client.post(f"/v1/jobs/{job_id}/cancel")
    site.client.post("/v1/admin/gc")
    answer = site.client.post("/v1/jobs", json=mark)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_asset")


@pytest.mark.parametrize(
    ("keep", "field"),
    [
        ("week", "keep"),
        ([], "keep"),
        ({"source": -1}, "keep.source"),
        ({"source": True}, "keep.source"),
        ({"outputs": 10**40}, "keep.outputs"),
        ({"record": "1"}, "keep.record"),
        ({"assets": 1}, "keep.assets"),
    ],
)
def test_a_time_that_cannot_be(site: Site, keep: Any, field: str) -> None:
    answer = site.client.post("/v1/jobs", json={"pipeline": PIPELINE, "keep": keep})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert answer.json()["errors"][0]["allowed"]


def test_the_report_tells_what_is_stored_and_what_the_sweep_would_take(
    site: Site, jpeg: bytes, webp: bytes
) -> None:
    site.client.post("/v1/admin/gc")
    before = site.client.get("/v1/admin/storage").json()
    kept, due = made(site, jpeg, webp), made(site, jpeg, webp, record=0)
    after = site.client.get("/v1/admin/storage").json()

    def stored(report: dict[str, Any], kind: str) -> int:
        return sum(each["bytes"] for each in report["stored"] if each["kind"] == kind)

    assert stored(after, "inputs") - stored(before, "inputs") == 2 * len(jpeg)
    assert stored(after, "outputs") - stored(before, "outputs") == 2 * len(webp)
    assert after["due"]["record"] == {"count": 1, "bytes": len(jpeg) + len(webp)}
    assert "local" in {each["tenant"] for each in after["stored"]}
    assert site.client.get("/v1/admin/storage").json() == after, "a report changes nothing"

    assert site.client.post("/v1/admin/gc").json()["jobs"]["record"]["count"] == 1
    assert site.client.get(f"/v1/jobs/{due}").status_code == 404
    assert site.client.get(f"/v1/jobs/{kept}").status_code == 200


def test_an_orphan_goes_once_it_is_too_old_to_be_in_the_making(site: Site, jpeg: bytes) -> None:
    kept = set(site.files())
    site.submit(jpeg)
    (named,) = set(site.files()) - kept
    young = named.with_name(f"{named.name}0")
    old = named.with_name(f"{named.name}1")
    for path, age in ((young, 60), (old, 7200)):
        path.write_bytes(jpeg)
        os.utime(path, (time.time() - age,) * 2)
    report = site.client.get("/v1/admin/storage").json()
    assert report["orphans"]["count"] - report["due"]["orphans"]["count"] == 1
    assert site.client.post("/v1/admin/gc").json()["orphans"] == report["due"]["orphans"]["count"] == 1
    assert [path.exists() for path in (named, young, old)] == [True, True, False]
    young.unlink()


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/admin/storage"), ("POST", "/v1/admin/gc")])
def test_who_comes_through_a_proxy_sees_and_sweeps_nothing(site: Site, method: str, path: str) -> None:
    answer = site.client.request(method, path, headers={"x-forwarded-for": "127.0.0.1"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_local")


def test_a_page_in_a_browser_sweeps_nothing(site: Site) -> None:
    answer = site.client.post("/v1/admin/gc", headers={"origin": "http://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_local")


def test_the_audit_log_tells_each_tenant_of_its_own(site: Site, jpeg: bytes) -> None:
    mine = site.submit(jpeg)
    site.client.delete(f"/v1/jobs/{mine}")
    (line,) = site.client.get("/v1/audit", params={"subject": mine}).json()["items"]
    assert (line["action"], line["actor"], line["subject"]) == ("job.deleted", "local", mine)
    assert line["detail"]["state"] == "queued"
    others = site.client.get("/v1/audit", headers={"x-tenant": "other"}).json()
    assert others == {"items": [], "next_cursor": None}
    page = site.client.get("/v1/audit", params={"limit": 1, "action": "job.deleted"}).json()
    assert len(page["items"]) == 1
    assert site.client.get("/v1/audit", params={"cursor": "x"}).json()["code"] == "invalid_cursor"
