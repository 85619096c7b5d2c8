"""Health, readiness, version, metrics, the pool, and the API's own documents."""

import asyncio
import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pixelflow
from harness.site import PIPELINE, Site
from pixelflow.domain.media import FORMATS
from pixelflow.http import api, describing
from pixelflow.http.app import App
from pixelflow.http.codes import CODES
from pixelflow.http.services import Check
from pixelflow.http.shapes.assets import Asset, AssetPage
from pixelflow.http.shapes.capabilities import Formats, Operations
from pixelflow.http.shapes.jobs import Created, Job, JobPage, OutputPage, Uploaded
from pixelflow.http.shapes.operators import Health, Readiness, Version
from pixelflow.http.shapes.problems import Problem
from pixelflow.http.shapes.shape import JOB_ID
from pixelflow.operations.registry import operations

if TYPE_CHECKING:
    from pydantic import BaseModel

BARE = r"/gc$|_id}/|/secret/rotate$"
"""Calls that do something to what is there, and need no body."""


def test_health_and_version(site: Site) -> None:
    assert site.client.get("/healthz").json() == site.client.get("/health").json() == {"status": "ok"}
    assert site.client.head("/healthz").status_code == 200
    assert site.client.get("/version").json()["libvips"] == "8.18.7"


def test_readiness_says_what_is_wrong(site: Site) -> None:
    assert site.client.get("/readyz").status_code == 200
    site.checks.append(Check("draining", good=False, detail="the server is going down"))
    try:
        answer = site.client.get("/readyz")
    finally:
        site.checks.pop()
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not_ready",
        "checks": [
            {"name": "store", "good": True, "vital": True, "detail": ""},
            {"name": "draining", "good": False, "vital": True, "detail": "the server is going down"},
        ],
    }


def test_what_is_not_vital_is_told_and_the_server_stays_ready(site: Site) -> None:
    facts = {"period_seconds": 5.0, "lag_seconds": 60.0}
    late = Check("keeper.ring", good=False, detail="overdue", vital=False, facts=facts)
    site.checks.append(late)
    try:
        answer = site.client.get("/readyz")
    finally:
        site.checks.pop()
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    told = {"name": "keeper.ring", "good": False, "vital": False, "detail": "overdue", "facts": facts}
    assert answer.json()["checks"][-1] == told


class TestPool:
    def test_it_is_resized_from_this_machine(self, site: Site) -> None:
        answer = site.client.post("/v1/admin/pool", json={"size": 5})
        assert (answer.status_code, answer.json()) == (200, {"size": 5})
        assert site.services.pool.size == 5

    @pytest.mark.parametrize(
        ("body", "field", "allowed"),
        [
            *(
                (body, "size", "1 to 1024")
                for body in ({}, {"size": 0}, {"size": 9999}, {"size": "2"}, {"size": True})
            ),
            ({"size": 2, "x": 1}, "x", "size"),
        ],
    )
    def test_a_bad_size(self, site: Site, body: dict[str, Any], field: str, allowed: str) -> None:
        answer = site.client.post("/v1/admin/pool", json=body)
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["field"]) == (422, field)
        assert allowed in error["allowed"]

    def test_a_page_in_a_browser_cannot(self, site: Site) -> None:
        answer = site.client.post(
            "/v1/admin/pool", content=b'{"size": 3}', headers={"content-type": "text/plain"}
        )
        assert answer.status_code == 400

    def test_a_name_that_was_made_to_lead_here_cannot(self, site: Site) -> None:
        for host in ("evil.example", "evil.example:80", "localhost.evil.example", "[x"):
            answer = site.client.post("/v1/admin/pool", json={"size": 3}, headers={"host": host})
            assert (answer.status_code, answer.json()["code"]) == (403, "not_local"), host
        for host in ("localhost:8080", "[::1]:8080"):
            assert (
                site.client.post("/v1/admin/pool", json={"size": 3}, headers={"host": host}).status_code
                == 200
            )

    def test_who_comes_through_a_proxy_cannot(self, site: Site) -> None:
        answer = site.client.post(
            "/v1/admin/pool", json={"size": 3}, headers={"x-forwarded-for": "127.0.0.1"}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "not_local")

    @pytest.mark.parametrize(
        ("peer", "status"),
        [
            ("127.0.0.1", 200),
            ("127.8.8.8", 200),
            ("::1", 200),
            ("::ffff:127.0.0.1", 200),
            ("10.0.0.1", 403),
            ("", 403),
        ],
    )
    def test_only_loopback_peers(self, site: Site, peer: str, status: int) -> None:
        body = b'{"size": 2}'
        found: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            found.append(message.get("status", 0))

        async def call() -> None:
            scope = {
                "type": "http",
                "method": "POST",
                "path": "/v1/admin/pool",
                "query_string": b"",
                "raw_path": b"/v1/admin/pool",
                "root_path": "",
                "scheme": "http",
                "http_version": "1.1",
                "asgi": {"version": "3.0"},
                "client": (peer, 5),
                "server": ("127.0.0.1", 80),
                "headers": [
                    (b"host", b"localhost"),
                    (b"content-type", b"application/json"),
                    (b"content-length", b"11"),
                ],
            }
            await asyncio.wait_for(App(site.services)(scope, receive, send), 10)

        site.run(call())
        assert found[0] == status


def test_calls_that_cannot_be_built_are_told_and_the_hot_ones_work_on(
    make_site: Callable[..., Site],
    jpeg: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(services: object) -> None:
        raise ImportError("a package is missing")

    monkeypatch.setattr(api, "build_api", broken)
    site = make_site()

    said = []
    for _ in range(3):
        answer = site.client.get("/v1/operations")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        said.append(capsys.readouterr().out.count("\n"))

    assert said[1] == said[2], "a traceback grows from one request to the next"
    assert site.client.get(f"/v1/jobs/{site.submit(jpeg)}").status_code == 200


def test_requests_are_counted_by_route_and_never_by_path(make_site: Callable[..., Site], jpeg: bytes) -> None:
    site = make_site()
    job_id = site.submit(jpeg)
    site.client.get(f"/v1/jobs/{job_id}")
    site.client.get(f"/v1/jobs/{job_id}/outputs/thumb")
    site.client.get(f"/v1/jobs/{job_id}/outputs")
    site.client.get(f"/v1/status/{job_id}")
    site.client.get("/nowhere/at/all")
    site.client.delete("/v1/jobs")
    end = time.monotonic() + 10
    while len(site.observed) < 8:
        assert time.monotonic() < end
    assert site.observed == [
        ("GET", "/healthz", 200),
        ("POST", "/v1/jobs", 202),
        ("GET", "/v1/jobs/{job_id}", 200),
        ("GET", "/v1/jobs/{job_id}/outputs/{step}", 409),
        ("GET", "/v1/jobs/{job_id}/outputs", 200),
        ("GET", "/v1/status/{job_id}", 200),
        ("GET", "unmatched", 404),
        ("DELETE", "/v1/jobs", 405),
    ]
    assert site.client.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def test_what_is_not_there_is_a_problem_too(site: Site) -> None:
    nowhere = site.client.get("/nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_found")
    wrong = site.client.patch("/v1/jobs")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST")
    for answer in (nowhere, wrong):
        assert answer.headers["content-type"] == "application/problem+json"
        found = answer.json()
        assert found["status"] == answer.status_code
        assert found["request_id"] == answer.headers["x-request-id"]
        assert found["type"] == f"/docs#{found['code']}"


def test_operations_and_formats(site: Site) -> None:
    found = site.client.get("/v1/operations").json()["operations"]
    assert {each["name"] for each in found} == set(operations())
    resize = next(each for each in found if each["name"] == "resize")
    assert set(resize) == {"name", "family", "title", "description", "parameters", "animated", "output"}
    assert "width" in resize["parameters"]["properties"]
    formats = site.client.get("/v1/formats").json()["formats"]
    assert [each["name"] for each in formats] == [known.name for known in FORMATS]
    assert set(formats[0]) == {
        *("name", "media_type", "extensions", "reads", "writes", "animated", "alpha", "max_depth", "extra")
    }


class TestDocuments:
    def test_every_route_has_a_summary_answers_and_examples(self, site: Site) -> None:
        document = site.client.get("/openapi.json").json()
        assert document["openapi"].startswith("3.")
        calls = {
            (method.upper(), path): call
            for path, methods in document["paths"].items()
            for method, call in methods.items()
        }
        assert set(calls) >= {
            ("POST", "/v1/jobs"),
            ("GET", "/v1/jobs"),
            ("GET", "/v1/jobs/{job_id}"),
            ("DELETE", "/v1/jobs/{job_id}"),
            ("POST", "/v1/jobs/{job_id}/start"),
            ("POST", "/v1/jobs/{job_id}/cancel"),
            ("POST", "/v1/jobs/{job_id}/retry"),
            ("GET", "/v1/jobs/{job_id}/outputs/{step}"),
            ("GET", "/v1/jobs/{job_id}/outputs.zip"),
            ("GET", "/v1/jobs/{job_id}/events"),
            ("PUT", "/v1/uploads/{job_id}"),
            ("GET", "/v1/events"),
            ("POST", "/v1/assets"),
            ("GET", "/v1/operations"),
            ("GET", "/v1/formats"),
            ("POST", "/v1/upload"),
            ("GET", "/v1/status/{job_id}"),
            ("GET", "/v1/download/{job_id}"),
            ("POST", "/jobs"),
            ("GET", "/jobs/{job_id}"),
            ("GET", "/jobs/{job_id}/download"),
            ("GET", "/health"),
            ("GET", "/healthz"),
            ("GET", "/readyz"),
            ("GET", "/version"),
            ("GET", "/metrics"),
            ("POST", "/v1/admin/pool"),
        }
        for name, call in calls.items():
            assert call["summary"], name
            assert call["responses"], name
            for status, answer in call["responses"].items():
                if int(status) >= 400 and status not in {"416", "503"}:
                    (content,) = answer["content"].values()
                    assert "example" in content, (name, status)
            if name[0] in {"POST", "PUT"} and not re.search(BARE, name[1]):
                assert call["requestBody"]["content"], name

    def test_every_reference_leads_somewhere(self, site: Site) -> None:
        text = site.client.get("/openapi.json").text
        known = site.client.get("/openapi.json").json()["components"]["schemas"]
        assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= set(known)
        assert "#/$defs/" not in text
        assert "HTTPValidationError" not in text
        for path in ("/jobs", "/v1/upload"):
            assert "422" in site.client.get("/openapi.json").json()["paths"][path]["post"]["responses"], path
        assert not [name for name in known if "__" in name], "two models of one name show their modules"

    def test_a_step_is_described_for_every_operation(self, site: Site) -> None:
        step = site.client.get("/openapi.json").json()["components"]["schemas"]["Step"]
        assert set(step["discriminator"]["mapping"]) == set(operations())

    def test_answers_have_the_documented_shapes(self, site: Site, jpeg: bytes, webp: bytes) -> None:
        job_id = site.done(jpeg, {"thumb": webp})
        made = site.client.post("/v1/jobs", json={"pipeline": PIPELINE})
        asset = site.client.post("/v1/assets", content=jpeg)
        shapes: list[tuple[type[BaseModel], Any]] = [
            (Job, site.client.get(f"/v1/jobs/{job_id}")),
            (Created, made),
            (Uploaded, site.client.put(made.json()["upload"]["url"], content=jpeg)),
            (Created, site.client.post(f"/v1/jobs/{made.json()['id']}/start")),
            (Job, site.client.post(f"/v1/jobs/{made.json()['id']}/cancel")),
            (JobPage, site.client.get("/v1/jobs")),
            (OutputPage, site.client.get(f"/v1/jobs/{job_id}/outputs")),
            (Asset, asset),
            (AssetPage, site.client.get("/v1/assets")),
            (Operations, site.client.get("/v1/operations")),
            (Formats, site.client.get("/v1/formats")),
            (Health, site.client.get("/healthz")),
            (Readiness, site.client.get("/readyz")),
            (Version, site.client.get("/version")),
            (Problem, site.client.get("/v1/jobs/none")),
            (Problem, site.client.post("/v1/jobs", json={"pipeline": []})),
        ]
        for shape, answer in shapes:
            shape.model_validate(answer.json(), strict=False)

    def test_examples_of_problems_are_what_is_answered(self, site: Site) -> None:
        example = describing.problem_example(404)
        answer = site.client.get(f"/v1/jobs/{JOB_ID}").json()
        assert {**answer, "request_id": ""} == {**example, "request_id": ""}

    def test_every_code_is_explained_where_its_type_leads(self, site: Site) -> None:
        rooms = Path(pixelflow.__file__).parent
        used = {
            code
            for path in rooms.rglob("*.py")
            if path.relative_to(rooms).parts[0] in {"control", "http", "adapters", "domain"}
            for code in re.findall(r'code(?:=| = |: str = )"([a-z_]+)"', path.read_text())
        }
        never_answered = {"error", "conflict", "corrupt", "startup"}
        never_answered |= {"remote_unavailable", "source_unreachable"}  # a job's failures
        assert used - never_answered <= set(CODES)
        page = site.client.get("/docs").text
        for code in CODES:
            assert f"id='{code}'" in page

    def test_the_page_needs_nothing_from_elsewhere(self, site: Site) -> None:
        answer = site.client.get("/docs")
        assert answer.headers["content-type"].startswith("text/html")
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        links: list[str] = []

        class Links(HTMLParser):
            def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
                assert tag not in {"script", "link", "img", "iframe"}
                links.extend(value or "" for name, value in attrs if name in {"href", "src"})

        Links().feed(answer.text)
        assert links
        assert {link[0] for link in links} <= {"/", "#"}
        anchors = set(re.findall(r"id='?([\w-]+)'?", answer.text))
        assert {link[1:] for link in links if link.startswith("#")} <= anchors
        assert "/v1/jobs/{job_id}/outputs.zip" in answer.text
