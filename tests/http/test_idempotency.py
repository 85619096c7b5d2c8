"""``Idempotency-Key`` on every call that creates something."""

from typing import Any

import pytest

from harness.site import Site
from pixelflow.domain.webhook import Endpoint, Secret, endpoint_id

CREATING = {
    "/v1/jobs": {"pipeline": [{"id": "a", "action": "grayscale"}]},
    "/v1/assets": None,
    "/v1/templates": {"name": "t", "pipeline": [{"id": "a", "action": "grayscale"}]},
    "/v1/templates/{name}/rollback": {},
    "/v1/batches": {},
    "/v1/batches/{batch_id}/retry": None,
    "/v1/jobs/bulk": {"action": "retry", "filter": {}},
    "/v1/jobs/{job_id}/replay": None,
    "/v1/webhooks": {},
    "/v1/webhooks/secret/rotate": None,
    "/v1/webhooks/{endpoint_id}/rotate": None,
    "/v1/webhooks/{endpoint_id}/test": None,
    "/v1/webhooks/{endpoint_id}/redeliver": None,
    "/v1/webhooks/deliveries/{delivery_id}/redeliver": None,
    "/v1/upload": None,
    "/jobs": {},
}
AGAIN_THE_SAME = {
    "/v1/jobs/{job_id}/start",
    "/v1/jobs/{job_id}/cancel",
    "/v1/jobs/{job_id}/retry",
    "/v1/batches/{batch_id}/pause",
    "/v1/batches/{batch_id}/resume",
    "/v1/batches/{batch_id}/cancel",
    "/v1/templates/{name}/promote",
    "/v1/webhooks/{endpoint_id}/enable",
    "/v1/pipelines/plan",
    "/v1/admin/pool",
    "/v1/admin/gc",
}
"""Calls that make nothing: to do them twice is to do them once."""
HOOKS = "/v1/webhooks"


def key(text: str) -> dict[str, str]:
    return {"idempotency-key": text, "x-tenant": "twice"}


@pytest.fixture
def made(site: Site) -> str:
    """The id of an endpoint that calls nobody."""
    new = Endpoint("twice", endpoint_id(), "https://client.example/", ("job.completed",), (Secret("whsec_"),))
    return site.run(site.store.webhooks.add(new, 1000)).id


def test_every_call_that_makes_something_is_among_them_and_says_so(site: Site) -> None:
    paths = site.client.get("/openapi.json").json()["paths"]
    posts = {path: methods["post"] for path, methods in paths.items() if "post" in methods}
    assert posts.keys() == CREATING.keys() | AGAIN_THE_SAME
    keyed = {
        path
        for path, call in posts.items()
        if any(parameter["name"] == "idempotency-key" for parameter in call.get("parameters", ()))
    }
    assert keyed == CREATING.keys()


@pytest.mark.parametrize("path", CREATING)
def test_while_the_first_runs_it_is_a_conflict_that_passes(site: Site, path: str, jpeg: bytes) -> None:
    body: dict[str, Any] = {"content": jpeg} if CREATING[path] is None else {"json": CREATING[path]}
    if path == "/v1/upload":
        body = {"files": {"file": jpeg}}
    if path.endswith("{endpoint_id}/redeliver"):
        body["params"] = {"since": "2026-01-01T00:00:00Z"}
    with site.services.jobs.running.alone("twice", "held"):
        answer = site.client.post(path, headers=key("held"), **body)
    assert answer.status_code == 409, answer.text
    assert int(answer.headers["retry-after"]) > 0
    if path != "/jobs":
        assert "Idempotency-Key" in answer.text


@pytest.mark.parametrize(("sent", "status"), [("k" * 255, 202), ("k" * 256, 400), ("a\tb", 400)])
def test_a_key_is_short_text(site: Site, made: str, sent: str, status: int) -> None:
    answer = site.client.post(f"{HOOKS}/{made}/test", headers=key(sent))
    assert answer.status_code == status, answer.text
    assert status == 202 or answer.json()["code"] == "malformed_key"


def test_a_test_is_sent_once(site: Site, made: str) -> None:
    first, again = (site.client.post(f"{HOOKS}/{made}/test", headers=key("test")) for _ in range(2))
    assert first.status_code == 202
    assert again.json()["id"] == first.json()["id"]
    other = site.client.post(f"{HOOKS}/secret/rotate", headers=key("test"))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


def test_a_secret_is_replaced_once(site: Site, made: str) -> None:
    for path in (f"{HOOKS}/{made}/rotate", f"{HOOKS}/secret/rotate"):
        first, again = (site.client.post(path, headers=key(path)).json() for _ in range(2))
        assert first["secret"].startswith("whsec_")
        assert again == first
        assert site.client.post(path, headers=key("another" + path)).json()["secret"] != first["secret"]


def test_what_is_sent_again_is_told_apart_by_all_that_was_asked(site: Site, made: str) -> None:
    sent = site.client.post(f"{HOOKS}/{made}/test", headers=key("one")).json()
    path = f"{HOOKS}/deliveries/{sent['id']}/redeliver"
    assert {site.client.post(path, headers=key("two")).json()["id"] for _ in range(2)} == {sent["id"]}
    path = f"{HOOKS}/{made}/redeliver"
    since = {"since": "2026-01-01T00:00:00Z"}
    answers = [site.client.post(path, params=since, headers=key("three")).json() for _ in range(2)]
    assert answers[0] == answers[1]
    other = site.client.post(path, params={**since, "status": "dead"}, headers=key("three"))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
