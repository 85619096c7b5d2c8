"""Batches over HTTP: bodies of every kind, refusals by line, and what can be done with one."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.site import PIPELINE, Site, text
from pixelflow.control.feeding import Feeder
from pixelflow.domain.job import Failure, JobState
from pixelflow.http.shapes.batches import BatchLinePage, BatchPage, BatchShape, MadeBatch

URL = "https://pictures.example/{}.jpg"


def made(site: Site, **fields: Any) -> dict[str, Any]:
    body = {"pipeline": PIPELINE, "sources": [URL.format(number) for number in (1, 2, 3)], **fields}
    answer = site.client.post("/v1/batches", json=body)
    assert answer.status_code == 202, answer.text
    shown: dict[str, Any] = answer.json()
    MadeBatch.model_validate(shown)
    return shown


def feed(site: Site) -> int:
    return site.run(Feeder(site.store.batches, site.services.jobs).feed())


def shown(site: Site, batch: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = site.client.get(f"/v1/batches/{batch['id']}").json()
    BatchShape.model_validate(found)
    return found


def jobs_of(site: Site, batch: dict[str, Any], **params: str) -> list[dict[str, Any]]:
    page = site.client.get("/v1/jobs", params={"batch_id": batch["id"], **params}).json()
    found: list[dict[str, Any]] = page["items"]
    return found


def test_lines_whose_time_has_come_are_woken_at_once(site: Site) -> None:
    expected: list[float | None] = []
    jobs = replace(site.services.jobs, expect=expected.append)
    soon = datetime.now(UTC) + timedelta(seconds=60)
    made(site, scheduled_at=soon.isoformat())
    assert site.run(Feeder(site.store.batches, jobs).feed()) == 3
    assert expected == [soon.timestamp()] * 3


def test_a_batchs_life(site: Site, webp: bytes) -> None:
    batch = made(site, metadata={"album": "rome"}, max_in_flight=2)
    assert (batch["total"], batch["accepted"], batch["refused"], batch["refusals"]) == (3, 3, 0, [])
    assert shown(site, batch)["counts"]["pending"] == 3
    assert feed(site) == 2
    jobs = jobs_of(site, batch)
    assert [job["batch_id"] for job in jobs] == [batch["id"]] * 2
    assert [job["metadata"] for job in jobs] == [{"album": "rome"}] * 2
    path = f"/v1/batches/{batch['id']}"
    paused = site.client.post(f"{path}/pause").json()
    assert paused["status"] == "paused"
    site.finish(site.claim(jobs[0]["id"]).claim, {"thumb": webp})
    assert (feed(site), shown(site, batch)["progress"]) == (0, 33)
    assert site.client.post(f"{path}/resume").json()["status"] == "running"
    assert feed(site) == 1
    broken = Failure("corrupt", 'the file ends, "in" the middle')
    for job in jobs_of(site, batch, status="queued"):
        site.finish(site.claim(job["id"]).claim, {}, broken)
    done = shown(site, batch)
    assert (done["status"], done["progress"]) == ("completed", 100)
    assert done["counts"] == {
        "pending": 0,
        "in_flight": 0,
        "completed": 1,
        "failed": 2,
        "cancelled": 0,
        "quarantined": 0,
    }
    rows = list(csv.DictReader(io.StringIO(site.client.get(f"{path}/failures.csv").text)))
    assert len(rows) == 2
    assert {row["message"] for row in rows} == {broken.message}
    assert {row["job_id"] for row in rows} <= {job["id"] for job in jobs_of(site, batch)}
    assert site.client.post(f"{path}/retry").json()["counts"]["pending"] == 2
    assert feed(site) == 2
    assert site.client.delete(path).status_code == 409
    stopped = site.client.post(f"{path}/cancel").json()
    assert (stopped["status"], stopped["finished_at"]) == ("cancelled", None)
    assert feed(site) == 2
    assert shown(site, batch)["counts"]["cancelled"] == 2
    assert site.client.delete(path).status_code == 204
    assert site.client.get(path).status_code == 404
    assert len(jobs_of(site, batch)) == 5


def test_what_was_cancelled_is_told_and_runs_again(site: Site) -> None:
    body = {"pipeline": PIPELINE, "sources": [f"https://a.example/{number}" for number in range(3)]}
    path = f"/v1/batches/{site.client.post('/v1/batches', json={**body, 'max_in_flight': 1}).json()['id']}"
    feed(site)
    site.client.post(f"{path}/cancel")
    early = site.client.post(f"{path}/retry")
    assert (early.status_code, early.json()["code"]) == (409, "state_conflict")
    assert int(early.headers["retry-after"]) > 0
    feed(site)
    for status, count in (("cancelled", 3), ("pending", 0)):
        assert len(site.client.get(f"{path}/items", params={"status": status}).json()["items"]) == count
    rows = list(csv.DictReader(io.StringIO(site.client.get(f"{path}/failures.csv").text)))
    assert [row["status"] for row in rows] == ["cancelled"] * 3
    again = site.client.post(f"{path}/retry").json()
    assert (again["status"], again["counts"]["pending"]) == ("running", 3)
    items = site.client.get(f"{path}/items").json()["items"]
    assert [item["status"] for item in items] == ["pending"] * 3


def test_json_lines_and_csv_have_the_rest_in_the_query(site: Site) -> None:
    site.client.post("/v1/templates", json={"name": "lined", "pipeline": PIPELINE})
    query = {"template": "lined", "max_in_flight": "7", "metadata": text({"a": 1})}
    lines = '{"url": "https://a.example/1", "metadata": {"sku": "A"}}\n\n"https://a.example/2"\n'
    answer = site.client.post(
        "/v1/batches", params=query, content=lines, headers={"content-type": "application/x-ndjson"}
    )
    assert answer.status_code == 202, answer.text
    batch = shown(site, answer.json())
    assert (batch["template"], batch["max_in_flight"], batch["total"]) == ("lined@1", 7, 2)
    items = site.client.get(f"/v1/batches/{batch['id']}/items").json()
    BatchLinePage.model_validate(items)
    assert [item["line"] for item in items["items"]] == [1, 3]
    both = site.client.post(
        "/v1/batches",
        params={**query, "prefix": "s3://pictures/"},
        content=lines,
        headers={"content-type": "application/x-ndjson"},
    )
    assert (both.status_code, both.json()["errors"][0]["field"]) == (422, "prefix")
    feed(site)
    assert [
        job["metadata"] for job in sorted(jobs_of(site, batch), key=lambda job: len(job["metadata"]))
    ] == [
        {"a": 1},
        {"a": 1, "sku": "A"},
    ]

    table = 'url,metadata.name\r\n"https://a.example/1?x=1,2","Rome, ""night"""\r\nhttps://a.example/2,\r\n'
    answer = site.client.post(
        "/v1/batches", params=query, content=table, headers={"content-type": "text/csv; charset=utf-8"}
    )
    assert answer.status_code == 202, answer.text
    feed(site)
    found = jobs_of(site, answer.json())
    assert {job["metadata"].get("name") for job in found} == {None, 'Rome, "night"'}
    items = site.client.get(f"/v1/batches/{answer.json()['id']}/items", params={"limit": 1}).json()
    assert (items["items"][0]["line"], items["items"][0]["source"]) == (2, "https://a.example/1")
    rest = site.client.get(
        f"/v1/batches/{answer.json()['id']}/items", params={"cursor": items["next_cursor"]}
    ).json()
    assert [item["line"] for item in rest["items"]] == [3]


def test_bad_lines_are_told_by_number_and_good_ones_taken(site: Site, jpeg: bytes) -> None:
    job_id = site.submit(jpeg)
    sources = [
        URL.format(1),
        "=1+1",
        {"url": URL.format(2), "sha256": "zz"},
        {"job_id": job_id},
        {"job_id": "nothing"},
        {"asset_id": "ast_nothing"},
        {"url": URL.format(3), "job_id": job_id},
        {"link": URL.format(4)},
        7,
        "https://me:hidden@127.0.0.1/secret.jpg?key=hidden",
        "s3://elsewhere/key.jpg",
        {"url": URL.format(5), "metadata": [1]},
        "https://[",
    ]
    batch = made(site, sources=sources)
    assert (batch["total"], batch["accepted"], batch["refused"]) == (13, 2, 11)
    assert [each["line"] for each in batch["refusals"]] == [2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13]
    assert all(each["message"] and each["field"] for each in batch["refusals"])
    assert "hidden" not in str(batch)
    items = site.client.get(f"/v1/batches/{batch['id']}/items", params={"status": "refused"}).json()
    assert [item["line"] for item in items["items"]] == [each["line"] for each in batch["refusals"]]
    table = site.client.get(f"/v1/batches/{batch['id']}/failures.csv").text
    assert [row["source"] for row in csv.DictReader(io.StringIO(table))] == [
        "'=1+1",
        URL.format(2),
        "pixelflow://jobs/nothing",
        "pixelflow://assets/ast_nothing",
        URL.format(3),
        "",
        "",
        "https://127.0.0.1/secret.jpg",
        "s3://elsewhere/key.jpg",
        URL.format(5),
        "https://[",
    ]

    before = len(site.client.get("/v1/batches").json()["items"])
    body = {"pipeline": PIPELINE, "sources": sources, "all_or_nothing": True}
    whole = site.client.post("/v1/batches", json=body)
    assert (whole.status_code, whole.json()["code"]) == (422, "batch_refused")
    assert whole.json()["errors"][0]["message"].startswith("line 2: ")
    none = site.client.post("/v1/batches", json={"pipeline": PIPELINE, "sources": ["x", 1]})
    assert (none.status_code, none.json()["code"]) == (422, "batch_refused")
    assert len(site.client.get("/v1/batches").json()["items"]) == before


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"sources": []}, "sources"),
        ({"sources": None}, "sources"),
        ({"sources": ["https://a.example/"] * 10_001}, "sources"),
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"max_in_flight": 1001}, "max_in_flight"),
        ({"max_in_flight": True}, "max_in_flight"),
        ({"all_or_nothing": "yes"}, "all_or_nothing"),
        ({"pipeline": None}, "pipeline"),
        ({"template": "x"}, "template"),
        ({"priority": 11}, "priority"),
        ({"surces": []}, "surces"),
        ({"prefix": "https://a.example/"}, "prefix"),
        ({"prefix": "s3://elsewhere/"}, "prefix"),
        ({"after": "x"}, "after"),
        ({"dry_run": True, "sample": 7}, "sample"),
        ({"dry_run": True, "sample": {"width": -1, "height": 9, "format": "jpeg"}}, "sample.width"),
    ],
)
def test_a_bad_batch_is_refused(site: Site, fields: dict[str, Any], field: str) -> None:
    body = {"pipeline": PIPELINE, "sources": [URL.format(1)], **fields}
    if "prefix" in fields:
        del body["sources"]
    answer = site.client.post("/v1/batches", json=body)
    assert answer.status_code == 422, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("application/json", "[1]", 400, "malformed_json"),
        ("application/json", "{", 400, "malformed_json"),
        ("application/x-ndjson", "", 422, "invalid"),
        ("application/x-ndjson", "{\n{", 422, "batch_refused"),
        ("text/csv", "", 422, "invalid"),
        ("text/csv", "url,link\nhttps://a.example/,x\n", 422, "invalid"),
        ("text/csv", "url,url\n", 422, "invalid"),
        ("text/csv", 'url\n"x', 400, "malformed_csv"),
        ("text/csv", b"url\n\xff\n", 400, "malformed_csv"),
        ("text/csv", "url\nhttps://a.example/,x\n", 422, "batch_refused"),
        ("text/csv", "url\n" + "https://a.example/\n" * 10_001, 422, "invalid"),
    ],
)
def test_a_body_that_cannot_be_read(site: Site, kind: str, body: str | bytes, status: int, code: str) -> None:
    params = {"pipeline": text(PIPELINE)} if kind != "application/json" else {}
    answer = site.client.post("/v1/batches", params=params, content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_a_dry_run_makes_nothing_and_tells_what_it_would_take(site: Site) -> None:
    before = site.client.get("/v1/batches").json()["items"]
    body = {"pipeline": PIPELINE, "sources": [URL.format(1)] * 1000 + ["bad"], "dry_run": True}
    answer = site.client.post("/v1/batches", json=body)
    assert answer.status_code == 200, answer.text
    MadeBatch.model_validate(answer.json())
    told = answer.json()
    assert (told["id"], told["accepted"], told["refused"]) == (None, 1000, 1)
    forecast = told["forecast"]
    assert forecast["cpu_seconds"] == pytest.approx(1000 * forecast["each"]["outputs"][0]["cpu_seconds"])
    assert forecast["seconds"] == pytest.approx(forecast["cpu_seconds"] / 4)
    small = {**body, "sample": {"width": 100, "height": 100, "format": "jpeg"}}
    assert (
        site.client.post("/v1/batches", json=small).json()["forecast"]["cpu_seconds"]
        < forecast["cpu_seconds"]
    )
    wrong = site.client.post("/v1/batches", json={**body, "sample": {"width": 0}})
    assert wrong.status_code == 422
    assert site.client.get("/v1/batches").json()["items"] == before


def test_a_folder_is_a_batch(site: Site, jpeg: bytes) -> None:
    folder = site.folder / "bucket" / "rome"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("b.jpg", "a.jpg", "c.jpg"):
        (folder / name).write_bytes(jpeg)
    (folder / "empty").write_bytes(b"")
    body = {"pipeline": PIPELINE, "prefix": f"file://{folder}/"}
    key = {"Idempotency-Key": "folder"}
    answer = site.client.post("/v1/batches", json=body, headers=key)
    assert (answer.status_code, answer.json()["total"], answer.json()["next_after"]) == (202, 3, None)
    (folder / "d.jpg").write_bytes(jpeg)
    again = site.client.post("/v1/batches", json=body, headers=key)
    assert (again.json()["id"], again.json()["total"]) == (answer.json()["id"], 3)
    (folder / "d.jpg").unlink()
    items = site.client.get(f"/v1/batches/{answer.json()['id']}/items").json()["items"]
    assert [item["source"].rpartition("/")[2] for item in items] == ["a.jpg", "b.jpg", "c.jpg"]
    rest = site.client.post("/v1/batches", json={**body, "after": items[0]["source"]})
    assert rest.json()["total"] == 2
    nothing = site.client.post("/v1/batches", json={**body, "after": items[2]["source"]})
    assert (nothing.status_code, nothing.json()["errors"][0]["field"]) == (422, "prefix")


def test_the_list_pages_and_strangers_see_nothing(site: Site) -> None:
    batches = [made(site)["id"] for _ in range(3)]
    first = site.client.get("/v1/batches", params={"limit": 2}).json()
    BatchPage.model_validate(first)
    rest = site.client.get("/v1/batches", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    ids = [each["id"] for each in (*first["items"], *rest["items"])]
    assert ids[:3] == sorted(batches, reverse=True)
    stranger = {"x-tenant": "stranger"}
    assert site.client.get("/v1/batches", headers=stranger).json()["items"] == []
    for method, rest_of_path in (
        ("GET", ""),
        ("GET", "/items"),
        ("GET", "/failures.csv"),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/cancel"),
        ("POST", "/retry"),
        ("DELETE", ""),
    ):
        answer = site.client.request(method, f"/v1/batches/{batches[0]}{rest_of_path}", headers=stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), rest_of_path
    assert site.client.get("/v1/batches?cursor=x").json()["code"] == "invalid_cursor"
    for cursor in ("x", "9" * 20):
        lines = site.client.get(f"/v1/batches/{batches[0]}/items", params={"cursor": cursor})
        assert (lines.status_code, lines.json()["code"]) == (400, "invalid_cursor")


def test_the_same_request_makes_one_batch(site: Site) -> None:
    key = {"Idempotency-Key": "batch-1"}
    body = {"pipeline": PIPELINE, "sources": [URL.format(1)]}
    first = site.client.post("/v1/batches", json=body, headers=key).json()
    assert site.client.post("/v1/batches", json=body, headers=key).json()["id"] == first["id"]
    other = {**body, "sources": [URL.format(2)]}
    refused = site.client.post("/v1/batches", json=other, headers=key)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_mismatch")


def test_only_templates_where_only_they_run(make_site: Callable[..., Site]) -> None:
    site = make_site(templates_only=True)
    body = {"sources": [URL.format(1)]}
    refused = site.client.post("/v1/batches", json={**body, "pipeline": PIPELINE})
    assert (refused.status_code, refused.json()["code"]) == (403, "templates_only")
    assert site.client.post("/v1/batches", json={**body, "template": "default"}).status_code == 202


def test_a_full_queue_feeds_nothing(make_site: Callable[..., Site], jpeg: bytes) -> None:
    site = make_site(max_queue_depth=1)
    batch = made(site)
    site.submit(jpeg)
    site.services.jobs.admission._looked_at = float("-inf")
    assert feed(site) == 0
    assert shown(site, batch)["counts"]["pending"] == 3
    assert site.run(site.store.depth()).by_state[JobState.QUEUED] == 1
    refused = site.client.post("/v1/batches", json={"pipeline": PIPELINE, "sources": [URL.format(1)]})
    assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
    assert int(refused.headers["retry-after"]) > 0


def test_ten_thousand_pictures_are_one_batch(site: Site) -> None:
    lines = "url\n" + "".join(f"{URL.format(number)}\n" for number in range(10_000))
    answer = site.client.post(
        "/v1/batches",
        params={"pipeline": text(PIPELINE)},
        content=lines,
        headers={"content-type": "text/csv", "x-tenant": "large"},
    )
    assert answer.status_code == 202, answer.text
    assert (answer.json()["accepted"], answer.json()["refused"]) == (10_000, 0)
    path = f"/v1/batches/{answer.json()['id']}/cancel"
    assert site.client.post(path, headers={"x-tenant": "large"}).json()["counts"]["cancelled"] == 10_000


def test_a_body_over_the_cap_is_413(site: Site) -> None:
    for kind in ("application/json", "text/csv"):
        body = b" " * (16 * 1024 * 1024 + 1)
        answer = site.client.post("/v1/batches", content=body, headers={"content-type": kind})
        assert (answer.status_code, answer.json()["limit"]) == (413, 16 * 1024 * 1024)


def test_the_end_is_told_to_all_who_listen(site: Site, webp: bytes) -> None:
    batch = made(site, sources=[URL.format(1)])
    with site.client.stream("GET", "/v1/events", timeout=20) as answer:
        lines = answer.iter_lines()
        feed(site)
        [job] = jobs_of(site, batch)
        site.finish(site.claim(job["id"]).claim, {"thumb": webp})
        feed(site)
        seen = ""
        for line in lines:
            if line.startswith("event: "):
                seen = line
            if seen == "event: batch.completed" and line.startswith("data: "):
                break
        assert batch["id"] in line
        assert '"status":"completed"' in line
    ended = site.run(site.store.get("local", job["id"]))
    assert ended is not None
    after = {"Last-Event-ID": str(ended.sequence)}
    with site.client.stream("GET", "/v1/events", headers=after, timeout=20) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                assert line == "event: batch.completed"
                break
