"""Whatever a field holds, and whatever a path says, no answer is a 5xx."""

import json
import socket
from typing import Any

import pytest

from harness.site import PIPELINE, Site

ODD: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        10**40,
        10**400,
        1.5,
        1e308,
        "",
        "a",
        "\ud800",
        "\0",
        "\r\nX: y",
        "ä" * 300,
        "50%",
        "-5%",
    ),
    *([], {}, [[]], {"a": {}}, [1, None], "x" * 5000, "NaN", "auto", {"x": 0.5, "y": 2}),
]
STEP_FIELDS = [
    *(
        "id",
        "action",
        "from",
        "output",
        "on_error",
        "format",
        "quality",
        "lossless",
        "width",
        "height",
        "fit",
    ),
    *("gravity", "background", "surprise", "\ud800"),
]
TOP_FIELDS = [
    "pipeline",
    "source_type",
    "image_data",
    "priority",
    "metadata",
    "webhook_url",
    "expires_in",
    "deadline_seconds",
    "scheduled_at",
    "keep",
    "\ud800",
]


def refused_or_taken(status: int, text: str) -> None:
    assert status < 500, text
    assert status in {201, 202} or json.loads(text)["code"]


@pytest.mark.parametrize("field", STEP_FIELDS)
def test_a_steps_field(site: Site, field: str) -> None:
    for value in ODD:
        body = {"pipeline": [{**PIPELINE[0], field: value}]}
        answer = site.client.post("/v1/jobs", content=json.dumps(body))
        refused_or_taken(answer.status_code, answer.text)


@pytest.mark.parametrize("field", TOP_FIELDS)
def test_a_jobs_field_in_json_and_in_a_form(site: Site, jpeg: bytes, field: str) -> None:
    for value in ODD:
        answer = site.client.post("/v1/jobs", content=json.dumps({"pipeline": PIPELINE, field: value}))
        refused_or_taken(answer.status_code, answer.text)
        name = field.encode("ascii", "replace").decode()
        files = [("file", ("x", jpeg)), (name, (None, json.dumps(value)))]
        answer = site.client.post("/v1/jobs", files=files)
        refused_or_taken(answer.status_code, answer.text)


@pytest.mark.parametrize("field", ["image_data", "operation", "width", "height", "output_format", "surprise"])
def test_a_field_of_the_zero_config_service(site: Site, field: str) -> None:
    for value in ODD:
        body = {
            "image_data": "R0lGODlhAQABAAAAACw=",
            "operation": "resize",
            "width": 5,
            "height": 5,
            field: value,
        }
        answer = site.client.post("/jobs", content=json.dumps(body))
        refused_or_taken(answer.status_code, answer.text)


@pytest.mark.parametrize(
    "odd",
    [
        *(
            "%00",
            "%ff",
            "..%2f..%2f",
            "%0d%0aX:%20y",
            "'\"",
            "a" * 3000,
            "-1",
            "1e400",
            "9" * 20,
            "9" * 5000,
            "0x1p99999.x",
            "%F0%9F%98%80",
        ),
        *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59%2B00:00", "expires=x&key=k1&tenant=a&signature=%ff"),
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        *(
            "/v1/jobs/{}",
            "/v1/jobs/x?wait={}",
            "/v1/jobs/{}/outputs/{}",
            "/v1/jobs/{}/outputs.zip",
            "/v1/jobs/{}/events",
        ),
        *("/v1/jobs?limit={}", "/v1/jobs?cursor={}", "/v1/jobs?created_after={}", "/v1/jobs?status={}"),
        *("/v1/jobs/bulk?cursor={}", "/v1/audit?cursor={}", "/v1/usage?to={}", "/v1/templates/a@{}"),
        *("/v1/templates?cursor={}", "/v1/templates/default/versions?cursor={}", "/v1/batches?cursor={}"),
        *("/v1/batches/x/items?cursor={}", "/v1/webhooks/deliveries?cursor={}"),
        *("/v1/assets/{}", "/v1/assets?cursor={}", "/v1/status/{}", "/jobs/{}", "/jobs/{}/download", "/{}"),
    ],
)
def test_a_path(site: Site, path: str, odd: str) -> None:
    answer = site.client.get(path.format(odd, odd))
    assert answer.status_code < 500, answer.text


def test_a_signed_urls_query(site: Site, jpeg: bytes) -> None:
    for query in (
        "",
        "expires=x&key=k1&tenant=a&signature=%ff",
        "key=k1&key=k1",
        "&".join("a=b" for _ in range(60)),
    ):
        answer = site.client.put(f"/v1/uploads/x?{query}", content=jpeg)
        assert answer.status_code in {400, 403}, answer.text


@pytest.mark.parametrize(
    ("path", "field", "allowed"),
    [
        ("/v1/jobs?limit=x", "limit", "a whole number"),
        ("/v1/jobs?limit=201", "limit", "at most 200"),
        ("/v1/jobs?limit=0", "limit", "at least 1"),
        ("/v1/assets?cursor=" + "a" * 201, "cursor", "of at most 200 characters"),
        ("/v1/templates/thumb/diff?from=" + "a" * 65, "from", "of at most 64 characters"),
        ("/v1/webhooks/deliveries?status=odd", "status", "one of"),
        ("/v1/admin/tenants/%00", "tenant", "text that matches"),
    ],
)
def test_a_refused_parameter_is_told_with_what_is_allowed(
    site: Site, path: str, field: str, allowed: str
) -> None:
    answer = site.client.get(path)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, field)
    assert allowed in error["allowed"]
    assert field in error["message"]


@pytest.mark.parametrize(
    ("path", "head"),
    [
        ("/v1/jobs", "Content-Type: application/json"),
        ("/v1/jobs", "Content-Type: multipart/form-data; boundary=x"),
        ("/v1/assets", "Content-Type: image/png"),
        ("/v1/templates", "Content-Type: application/json"),
    ],
)
def test_who_closes_its_half_before_the_end_of_the_body_is_told(site: Site, path: str, head: str) -> None:
    with socket.create_connection(("127.0.0.1", int(site.url.rpartition(":")[2])), 10) as line:
        line.sendall(
            f'POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n{head}\r\n\r\n{{"a"'.encode()
        )
        line.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: line.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"code":"disconnected"' in answer
