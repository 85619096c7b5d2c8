"""Usage, limits with their headers, and the operators' call for tenants."""

from datetime import UTC, datetime
from typing import Any

import pytest

from harness.site import PIPELINE, Site, text
from pixelflow.domain.errors import Busy
from pixelflow.http.errors import refusal
from pixelflow.http.shapes.usage import TenantShape, UsageShape

ADMIN = "/v1/admin/tenants/"


def put(site: Site, tenant: str, **document: Any) -> Any:
    answer = site.client.put(ADMIN + tenant, json=document)
    assert answer.status_code == 200, answer.text
    TenantShape.model_validate(answer.json())
    return answer.json()


def send(site: Site, tenant: str, picture: bytes) -> Any:
    return site.client.post(
        "/v1/jobs",
        files={"file": picture},
        data={"pipeline": text(PIPELINE)},
        headers={"x-tenant": tenant},
    )


def test_usage_by_day_with_what_is_stored_and_queued(site: Site, jpeg: bytes) -> None:
    header = {"x-tenant": "counted"}
    assert send(site, "counted", jpeg).status_code == 202
    found = site.client.get("/v1/usage", headers=header).json()
    UsageShape.model_validate(found)
    (day,) = found["days"]
    assert day["day"] == str(datetime.now(UTC).date())
    assert (day["jobs"], day["bytes"], day["pixels"]) == (1, len(jpeg), 300 * 200)
    assert 0 < day["cpu_seconds"] < 1
    assert (found["stored_bytes"], found["queued_jobs"]) == (len(jpeg), 1)
    assert site.client.get("/v1/usage", headers={"x-tenant": "nobody"}).json()["days"] == []
    before = site.client.get("/v1/usage?from=2020-01-01&to=2020-02-01", headers=header).json()
    assert before["days"] == []
    assert site.client.get("/v1/usage?to=0001-01-01", headers=header).json()["days"] == []


@pytest.mark.parametrize("query", ["from=yesterday", "to=2026-02-30", "from=", "to=2026-01-01T12:00:00Z"])
def test_days_that_are_none(site: Site, query: str) -> None:
    answer = site.client.get(f"/v1/usage?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_time")


@pytest.mark.parametrize("query", ["from=2026-02-02&to=2026-02-01", "from=2020-01-01&to=2026-01-01"])
def test_days_that_do_not_go_together(site: Site, query: str) -> None:
    answer = site.client.get(f"/v1/usage?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize(
    ("given", "field", "allowed"),
    [
        ({"weight": 0}, "weight", "at least 0.01"),
        ({"weight": "1"}, "weight", "a number"),
        ({"limits": []}, "limits", "an object"),
        ({"limits": {"jobs_per_day": -1}}, "limits.jobs_per_day", "at least 0"),
        ({"limits": {"jobs_per_day": 10**400}}, "limits.jobs_per_day", "at most 9007199254740991"),
        ({"limits": {"jobs_a_day": 1}}, "limits.jobs_a_day", "max_queued_jobs, "),
        ({"wait": 1}, "wait", "weight, limits"),
    ],
)
def test_a_tenants_refused_field_is_told_with_what_is_allowed(
    site: Site, given: dict[str, Any], field: str, allowed: str
) -> None:
    answer = site.client.put("/v1/admin/tenants/odd", json=given)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, field)
    assert error["allowed"].startswith(allowed)


def test_over_a_quota_is_429_with_the_standard_headers_and_keeps_nothing(site: Site, jpeg: bytes) -> None:
    put(site, "small", limits={"jobs_per_day": 1})
    assert send(site, "small", jpeg).status_code == 202
    before = site.files()
    for _ in range(2):
        answer = send(site, "small", jpeg)
        assert answer.status_code == 429, answer.text
        problem = answer.json()
        assert (problem["code"], problem["setting"]) == ("quota_exceeded", "TENANT_JOBS_PER_DAY")
        assert (problem["limit"], problem["value"]) == (1, 1)
        assert problem["title"] == "A limit of the caller's is reached"
        wait = answer.headers["retry-after"]
        assert 0 < int(wait) <= 86_400
        assert answer.headers["ratelimit-policy"] == '"jobs_per_day";q=1;w=86400'
        assert answer.headers["ratelimit"] == f'"jobs_per_day";r=0;t={wait}'
    assert site.files() == before
    assert send(site, "another", jpeg).status_code == 202


def test_over_the_queue_of_a_tenant_is_429_with_a_wait(site: Site, jpeg: bytes) -> None:
    put(site, "waiting", limits={"max_queued_jobs": 1})
    assert send(site, "waiting", jpeg).status_code == 202
    answer = send(site, "waiting", jpeg)
    assert (answer.status_code, answer.json()["code"]) == (429, "tenant_queue_full")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert "w=" not in answer.headers["ratelimit-policy"]


def test_room_that_is_made_is_there_at_once(site: Site, jpeg: bytes) -> None:
    put(site, "room", limits={"max_queued_jobs": 1})
    first, full = send(site, "room", jpeg), send(site, "room", jpeg)
    assert (first.status_code, full.status_code) == (202, 429)
    site.client.delete(f"/v1/jobs/{first.json()['id']}", headers={"x-tenant": "room"})
    second, full = send(site, "room", jpeg), send(site, "room", jpeg)
    assert (second.status_code, full.status_code) == (202, 429)
    site.client.post(f"/v1/jobs/{second.json()['id']}/cancel", headers={"x-tenant": "room"})
    third, full = send(site, "room", jpeg), send(site, "room", jpeg)
    assert (third.status_code, full.status_code) == (202, 429)
    put(site, "room", limits={"max_queued_jobs": 2})
    assert send(site, "room", jpeg).status_code == 202


def test_what_is_too_large_does_not_keep_out_what_fits(site: Site, jpeg: bytes) -> None:
    put(site, "small-bytes", limits={"bytes_per_day": 2 * len(jpeg)})
    assert send(site, "small-bytes", jpeg).status_code == 202
    assert send(site, "small-bytes", jpeg + bytes(1000)).status_code == 429
    assert send(site, "small-bytes", jpeg).status_code == 202


def test_a_limit_that_tells_no_wait_is_answered_with_one() -> None:
    extra = {"quota": "max_queued_jobs", "limit": 1, "value": 1, "asked": 1}
    headers = dict(refusal(Busy("full", code="tenant_queue_full", **extra)).headers)
    assert int(headers[b"retry-after"]) >= 1
    assert headers[b"ratelimit"].startswith(b'"max_queued_jobs";r=0;t=')


def test_assets_count_as_stored(site: Site, jpeg: bytes) -> None:
    put(site, "full", limits={"stored_bytes": 10})
    answer = site.client.post("/v1/assets", content=jpeg, headers={"x-tenant": "full"})
    assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")
    assert "retry-after" in answer.headers


def test_a_queued_job_shows_its_place_and_others_do_not(site: Site, jpeg: bytes, webp: bytes) -> None:
    header = {"x-tenant": "placed"}
    first = send(site, "placed", jpeg).json()["id"]
    second = send(site, "placed", jpeg).json()["id"]
    places = [
        site.client.get(f"/v1/jobs/{one}", headers=header).json()["position"] for one in (first, second)
    ]
    assert places[0] >= 1
    assert places[1] > places[0]
    done = site.done(jpeg, {"thumb": webp})
    ended = site.client.get(f"/v1/jobs/{done}").json()
    assert (ended["position"], ended["eta_seconds"]) == (None, None)


class TestTenants:
    def test_weight_and_limits_are_set_and_set_back(self, site: Site) -> None:
        limits = {"jobs_per_day": 5, "max_queued_cpu_seconds": 2.5, "stored_bytes": None}
        shown = put(site, "steered", weight=2, limits=limits)
        assert (shown["weight"], shown["limits"]) == (2.0, limits)
        assert site.client.get(ADMIN + "steered").json() == shown
        again = put(site, "steered")
        assert (again["weight"], again["limits"]) == (1.0, {})

    def test_the_audit_log_has_it(self, site: Site) -> None:
        put(site, "noted", weight=3)
        page = site.run(site.store.audit.page("noted", 10))
        assert [(entry.action, entry.detail["weight"]) for entry in page.items] == [("tenant.changed", 3.0)]

    @pytest.mark.parametrize(
        "document",
        [
            {"weight": 0},
            {"weight": 1000},
            {"weight": "2"},
            {"weight": True},
            {"limits": {"jobs_per_day": -1}},
            {"limits": {"jobs_per_day": 1.5}},
            {"limits": {"jobs": 1}},
            {"limits": []},
            {"tenant": "x"},
        ],
    )
    def test_bad_values_are_named(self, site: Site, document: dict[str, Any]) -> None:
        answer = site.client.put(ADMIN + "any", json=document)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
        (place,) = document
        assert answer.json()["errors"][0]["field"].startswith(place)

    def test_only_from_this_machine_and_as_json(self, site: Site) -> None:
        headers = {"x-forwarded-for": "1.2.3.4"}
        assert site.client.get(ADMIN + "any", headers=headers).json()["code"] == "not_local"
        assert site.client.put(ADMIN + "any", json={}, headers=headers).status_code == 403
        form = {"content-type": "text/plain"}
        assert site.client.put(ADMIN + "any", content="{}", headers=form).status_code == 400
