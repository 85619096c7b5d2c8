"""What callers rely on: fields may be added, none of these renamed."""

from typing import Any

import httpx
import pytest

from harness.site import PIPELINE, Site, text

LISTS = (
    "/v1/jobs",
    "/v1/jobs/bulk",
    "/v1/assets",
    "/v1/templates",
    "/v1/batches",
    "/v1/webhooks",
    "/v1/webhooks/deliveries",
    "/v1/audit",
)
PHOTO = {"width": 4000, "height": 3000, "format": "jpeg"}


def has(answer: httpx.Response, status: int, names: str) -> dict[str, Any]:
    """The answer's JSON, which has these fields."""
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return within(found, names)


def within(found: dict[str, Any], names: str) -> dict[str, Any]:
    assert set(names.split()) <= found.keys(), found
    return found


@pytest.mark.parametrize("path", LISTS)
def test_lists(site: Site, path: str) -> None:
    has(site.client.get(path), 200, "items next_cursor")


def test_a_job_that_waits_for_its_upload(site: Site) -> None:
    made = has(
        site.client.post("/v1/jobs", json={"pipeline": PIPELINE}), 201, "id job_id status links upload"
    )
    within(made["links"], "self events outputs")
    within(made["upload"], "method url headers expires_at")
    assert made["id"] == made["job_id"]


def test_a_job_from_a_form_and_as_it_is_shown(site: Site, jpeg: bytes, webp: bytes) -> None:
    parts = {"pipeline": text(PIPELINE), "priority": "1", "metadata": "{}", "expires_in": "60"}
    created = has(
        site.client.post("/v1/jobs", files={"file": jpeg}, data=parts), 202, "id job_id status links"
    )
    site.finish(site.claim(created["id"]).claim, {"thumb": webp})
    job = has(
        site.client.get(created["links"]["self"]),
        200,
        "id job_id status source pipeline outputs progress attempt error metadata created_at queued_at "
        "started_at finished_at expires_at",
    )
    within(job["source"], "type bytes sha256 format width height")
    within(job["outputs"][0], "id status format bytes width height sha256 url")
    has(site.client.get(created["links"]["outputs"]), 200, "items")
    with site.client.stream("GET", created["links"]["events"]) as answer:
        lines = list(answer.iter_lines())
    assert {line.partition(":")[0] for line in lines if line} >= {"event", "id", "data"}
    assert "event: job.completed" in lines


def test_what_the_server_can_do(site: Site) -> None:
    operations = has(site.client.get("/v1/operations"), 200, "operations")["operations"]
    within(operations[0], "name family title description parameters animated output")
    formats = has(site.client.get("/v1/formats"), 200, "formats")["formats"]
    within(formats[0], "name media_type extensions reads writes animated alpha max_depth extra")


def test_a_plan(site: Site) -> None:
    enlarged = [{"id": "a", "action": "resize", "width": 9000, "format": "jpeg", "enlarge": True}]
    asked = {"source": PHOTO, "pipeline": enlarged}
    plan = has(site.client.post("/v1/pipelines/plan", json=asked), 200, "outputs warnings")
    within(plan["outputs"][0], "id width height format alpha frames bytes cpu_seconds memory_bytes")
    for warning in plan["warnings"]:
        within(warning, "code step message fix")


def test_webhooks(site: Site) -> None:
    body = {"url": "https://client.example/", "events": ["job.failed"], "description": "shop"}
    made = has(site.client.post("/v1/webhooks", json=body), 201, "id url events secret")
    assert made["secret"].startswith("whsec_")
    path = f"/v1/webhooks/{made['id']}"
    has(site.client.post(f"{path}/rotate"), 200, "id url events secret")
    has(site.client.post(f"{path}/enable"), 200, "id url events")
    sent = has(site.client.post(f"{path}/test"), 202, "id")
    whole = has(site.client.get(f"/v1/webhooks/deliveries/{sent['id']}"), 200, "id payload")
    within(whole["payload"], "type timestamp data")
    params = {"endpoint": made["id"], "job_id": "none", "status": "dead"}
    assert has(site.client.get("/v1/webhooks/deliveries", params=params), 200, "items")["items"] == []
    has(site.client.post(f"/v1/webhooks/deliveries/{sent['id']}/redeliver"), 202, "id")
    has(site.client.post(f"{path}/redeliver", params={"since": "2026-01-01T00:00:00Z"}), 202, "count")
    has(site.client.get("/v1/webhooks/secret"), 200, "secret")
    has(site.client.post("/v1/webhooks/secret/rotate"), 200, "secret")


def test_templates(site: Site) -> None:
    for width in (10, 20):
        pipeline = [{"id": "a", "action": "resize", "width": width}]
        body = {"name": "promised", "pipeline": pipeline, "description": "x"}
        made = has(site.client.post("/v1/templates", json=body), 201, "id name version pipeline description")
    assert made["id"] == "promised@2"
    path = "/v1/templates/promised"
    assert [has(site.client.get(path + at), 200, "version")["version"] for at in ("", "@2", "@1")] == [
        1,
        2,
        1,
    ]
    has(site.client.post(f"{path}/promote", json={"version": 2}), 200, "id")
    has(site.client.post(f"{path}/rollback"), 200, "id")
    has(site.client.get(f"{path}/diff", params={"from": "1", "to": "2"}), 200, "lines")


def test_batches(site: Site) -> None:
    body = {"pipeline": PIPELINE, "sources": ["https://a.example/1", "no url"]}
    made = has(site.client.post("/v1/batches", json=body), 202, "id total accepted refused")
    assert (made["total"], made["accepted"], made["refused"]) == (2, 1, 1)
    path = f"/v1/batches/{made['id']}"
    for verb in ("pause", "resume", "cancel"):
        has(site.client.post(f"{path}/{verb}"), 200, "id status counts")
    assert site.client.get(f"{path}/failures.csv").text.startswith("line,source,status,code,message,job_id")


def test_a_problem(site: Site) -> None:
    answer = site.client.get("/v1/jobs/nobody")
    has(answer, 404, "type title status detail code")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/version", "/metrics"])
def test_for_operators(site: Site, path: str) -> None:
    assert site.client.get(path).status_code == 200
