"""What a caller can ask for with a job, and do with many of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.site import PIPELINE, Site, text
from pixelflow.domain.event import EventKind
from pixelflow.http.shapes.bulks import BulkPage


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def job(site: Site, job_id: str, **headers: str) -> dict[str, Any]:
    found: dict[str, Any] = site.client.get(f"/v1/jobs/{job_id}", headers=headers).json()
    return found


def test_a_job_waits_for_its_time(site: Site, jpeg: bytes) -> None:
    later = site.submit(jpeg, scheduled_at=in_seconds(3600))
    shown = job(site, later)
    assert (shown["status"], shown["not_before"]) == ("queued", shown["scheduled_at"])
    now = site.submit(jpeg, scheduled_at=in_seconds(-5))
    shown = job(site, now)
    assert shown["scheduled_at"] is not None
    assert shown["not_before"] is None
    claimed = site.run(site.store.claim("test", 60, 1000))
    assert now in {one.id for one in claimed}
    assert later not in {one.id for one in claimed}
    cancelled = site.client.post(f"/v1/jobs/{later}/cancel").json()
    assert (cancelled["status"], cancelled["not_before"]) == ("cancelled", None)
    again = site.client.post(f"/v1/jobs/{later}/cancel")
    assert (again.status_code, again.json()) == (200, cancelled)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("scheduled_at", "tomorrow", "RFC 3339"),
        ("scheduled_at", 12, "RFC 3339"),
        ("scheduled_at", "9999-12-31T00:00:00Z", "MAX_SCHEDULE_SECONDS"),
        ("scheduled_at", "0001-01-01T00:00:00+23:59", "RFC 3339"),
        ("deadline_seconds", 0, "above 0"),
        ("deadline_seconds", "5", "above 0"),
        ("deadline_seconds", 61, "MAX_JOB_SECONDS"),
    ],
)
def test_what_cannot_be_asked_for(site: Site, field: str, value: object, words: str) -> None:
    answer = site.client.post("/v1/jobs", json={"pipeline": PIPELINE, field: value})
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert words in error["allowed"] or words in error["message"]


def test_a_deadline_is_told(site: Site, jpeg: bytes) -> None:
    assert job(site, site.submit(jpeg, deadline_seconds="12.5"))["deadline_seconds"] == 12.5


def test_a_held_job_stays(site: Site, jpeg: bytes, webp: bytes) -> None:
    job_id = site.done(jpeg, {"thumb": webp})
    path = f"/v1/jobs/{job_id}"
    for _ in range(2):
        held = site.client.put(f"{path}/hold")
        assert (held.status_code, held.json()["hold"]) == (200, True)
    refused = site.client.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "held")
    assert job(site, job_id)["status"] == "completed"
    assert site.client.delete(f"{path}/hold").json()["hold"] is False
    assert site.client.delete(path).status_code == 204
    assert site.client.put(f"{path}/hold").status_code == 404
    assert site.client.put(f"{path}/hold", headers={"x-tenant": "other"}).status_code == 404


def test_jobs_are_found_by_metadata_and_time(site: Site, jpeg: bytes) -> None:
    headers = {"x-tenant": "finder"}

    def make(**metadata: object) -> str:
        made = site.client.post(
            "/v1/jobs", headers=headers, json={"pipeline": PIPELINE, "metadata": metadata}
        )
        return str(made.json()["id"])

    def find(**query: str) -> list[str]:
        answer = site.client.get("/v1/jobs", headers=headers, params=query)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["items"]]

    before = in_seconds(0)
    first, second = make(order=17, shop="a b"), make(order=17, shop="c")
    both = sorted([first, second], reverse=True)
    assert find(**{"metadata.order": "17"}) == both
    assert find(**{"metadata.order": "17", "metadata.shop": "a b", "status": "awaiting_upload"}) == [first]
    assert find(created_before=before) == []
    assert find(created_before=in_seconds(60), created_after=before) == both
    for early in ("2020-01-01 12:00:00+01:00", "2020-01-01T12:00:00 01:00", "2020-01-01"):
        assert find(created_after=early) == both
    assert find(**{"metadata.order": "17"}, status="queued") == []
    for query, field in (
        ({f"metadata.k{number}": "v" for number in range(4)}, "metadata"),
        ({"metadata.order": "x" * 501}, "metadata"),
        ({"status": "odd"}, "status"),
    ):
        answer = site.client.get("/v1/jobs", headers=headers, params=query)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text
    for field, moment in (
        ("created_after", "0001-01-01T00:00:00+23:59"),
        ("created_before", "9999-12-31T23:59:59.999999Z"),
    ):
        answer = site.client.get("/v1/jobs", headers=headers, params={field: moment})
        assert (answer.status_code, answer.json()["field"]) == (400, field), answer.text


@pytest.mark.parametrize("base64", [False, True])
@pytest.mark.parametrize("field", [{"deadline_seconds": 1e6}, {"scheduled_at": "2999-01-01T00:00:00Z"}])
def test_what_is_out_of_bounds_is_refused_before_the_picture_is_looked_at(
    site: Site, field: dict[str, object], base64: bool
) -> None:
    before = site.files()
    if base64:
        given = {"source_type": "base64", "image_data": "bm8gcGljdHVyZQ==", "pipeline": PIPELINE}
        answer = site.client.post("/v1/jobs", json={**given, **field})
    else:
        data = {"pipeline": text(PIPELINE), **{name: str(value) for name, value in field.items()}}
        answer = site.client.post("/v1/jobs", files={"file": b"no picture"}, data=data)
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert (error["field"], "MAX_" in error["allowed"]) == (next(iter(field)), True)
    assert site.files() == before


def test_the_fields_go_in_a_form_too(site: Site, jpeg: bytes) -> None:
    fields = {"pipeline": text(PIPELINE), "deadline_seconds": "3", "scheduled_at": "2020-01-01"}
    made = site.client.post("/v1/jobs", files={"file": jpeg}, data=fields)
    assert made.status_code == 202, made.text


def test_many_jobs_are_counted_first_and_then_cancelled(site: Site, jpeg: bytes) -> None:
    headers = {"x-tenant": "many"}
    order = {"pipeline": PIPELINE, "metadata": {"shop": "north"}}
    made = [site.client.post("/v1/jobs", headers=headers, json=order).json()["id"] for _ in range(3)]
    asked = {"action": "cancel", "filter": {"metadata": {"shop": "north"}}}
    counted = site.client.post("/v1/jobs/bulk", headers=headers, json={**asked, "dry_run": True})
    assert counted.status_code == 200, counted.text
    shown = counted.json()
    assert (shown["id"], shown["status"], shown["total"]) == (None, "dry_run", 3)
    key = {**headers, "idempotency-key": "all"}
    begun = site.client.post("/v1/jobs/bulk", headers=key, json=asked)
    assert (begun.status_code, begun.json()["status"], begun.json()["total"]) == (202, "running", 3)
    again = site.client.post("/v1/jobs/bulk", headers=key, json=asked)
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (begun.json()["id"], "true")
    other = site.client.post("/v1/jobs/bulk", headers=key, json={**asked, "action": "delete"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert site.services.bulks.wanted.is_set()
    assert site.run(site.services.bulks.run()) == 3
    ended = site.client.get(begun.headers["location"], headers=headers).json()
    assert (ended["status"], ended["changed"], ended["skipped"]) == ("completed", 3, 0)
    assert {job(site, one, **headers)["status"] for one in made} == {"cancelled"}
    assert site.client.get(begun.headers["location"]).status_code == 404
    listed = site.client.get("/v1/jobs/bulk", headers=headers).json()
    BulkPage.model_validate(listed)
    assert listed == {"items": [ended], "next_cursor": None}
    bad = site.client.get("/v1/jobs/bulk", params={"cursor": "x"})
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid_cursor")


def test_what_is_created_after_the_order_is_not_meant(site: Site) -> None:
    headers = {"x-tenant": "after"}
    early = site.client.post("/v1/jobs", headers=headers, json={"pipeline": PIPELINE}).json()["id"]
    later = in_seconds(3600)
    asked = {"action": "cancel", "filter": {"created_before": later}}
    begun = site.client.post("/v1/jobs/bulk", headers=headers, json=asked).json()
    late = site.client.post("/v1/jobs", headers=headers, json={"pipeline": PIPELINE}).json()["id"]
    site.run(site.services.bulks.run())
    assert site.client.get(f"/v1/jobs/bulk/{begun['id']}", headers=headers).json()["changed"] == 1
    states = [job(site, one, **headers)["status"] for one in (early, late)]
    assert states == ["cancelled", "awaiting_upload"]


def test_jobs_that_came_back_before_the_queue_was_full_are_told_of(site: Site, jpeg: bytes) -> None:
    headers = {"x-tenant": "narrow"}
    fields = {"files": {"file": jpeg}, "data": {"pipeline": text(PIPELINE)}, "headers": headers}
    made = [site.client.post("/v1/jobs", **fields).json()["id"] for _ in range(2)]
    for one in made:
        site.client.post(f"/v1/jobs/{one}/cancel", headers=headers)
    site.client.put("/v1/admin/tenants/narrow", json={"limits": {"max_queued_jobs": 1}})
    asked = {"action": "retry", "filter": {"status": "cancelled"}}
    assert site.client.post("/v1/jobs/bulk", headers=headers, json=asked).status_code == 202
    with site.hub.subscribe("narrow") as inbox:
        assert site.run(site.services.bulks.run()) == 1
        news = site.run(inbox.get(0))
    assert news is not None
    assert (news[0].kind, news[1].id in made) == (EventKind.QUEUED, True)
    site.client.put("/v1/admin/tenants/narrow", json={"limits": {}})
    assert site.run(site.services.bulks.run()) == 1


def test_many_jobs_are_deleted_with_their_files(site: Site, jpeg: bytes, webp: bytes) -> None:
    made = [site.done(jpeg, {"thumb": webp}, metadata=text({"mark": "gone"})) for _ in range(2)]
    before = site.files()
    asked = {"action": "delete", "filter": {"metadata": {"mark": "gone"}}}
    begun = site.client.post("/v1/jobs/bulk", json=asked).json()
    site.run(site.services.bulks.run())
    assert site.client.get(f"/v1/jobs/bulk/{begun['id']}").json()["changed"] == 2
    assert [job(site, one)["status"] for one in made] == [404, 404]
    assert len(site.files()) == len(before) - 4


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"filter": {}}, "action"),
        ({"action": "restart", "filter": {}}, "action"),
        ({"action": "retry"}, "filter"),
        ({"action": "retry", "filter": {"state": "failed"}}, "state"),
        ({"action": "retry", "filter": {}, "dry_run": "yes"}, "dry_run"),
        ({"action": ["retry"], "filter": {}}, "action"),
    ],
)
def test_an_operation_that_is_not_understood(site: Site, given: dict[str, Any], field: str) -> None:
    answer = site.client.post("/v1/jobs/bulk", json=given)
    assert answer.status_code == 422, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]]
