"""A job's life as a caller sees it: wait, list, cancel, retry, delete."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

import httpx
import pytest

from harness.site import PIPELINE, Site
from pixelflow.domain.job import Failure


def waiting(site: Site, job_id: str, seconds: int = 20) -> Future[httpx.Response]:
    """The answer to come to a caller whom the server has begun to keep waiting for the job's end."""
    caller = ThreadPoolExecutor(1)
    answer = caller.submit(site.client.get, f"/v1/jobs/{job_id}", params={"wait": seconds})
    caller.shutdown(wait=False)
    while not site.hub._inboxes:
        assert not answer.done()
    return answer


def test_a_wait_is_answered_as_soon_as_the_job_has_ended(site: Site, jpeg: bytes, webp: bytes) -> None:
    job_id = site.submit(jpeg)
    answer = waiting(site, job_id)
    began = time.monotonic()
    site.finish(site.claim(job_id).claim, {"thumb": webp})
    job = answer.result(10).json()
    assert time.monotonic() - began < 5
    assert (job["status"], job["progress"], job["attempt"]) == ("completed", 100, 1)
    assert site.hub._inboxes == {}


def test_a_wait_that_runs_out_answers_the_job_as_it_is(site: Site, jpeg: bytes) -> None:
    job_id = site.submit(jpeg)
    assert site.client.get(f"/v1/jobs/{job_id}", params={"wait": 0.05}).json()["status"] == "queued"


def test_a_wait_ends_when_the_job_is_deleted(site: Site, jpeg: bytes) -> None:
    job_id = site.submit(jpeg)
    answer = waiting(site, job_id)
    assert site.client.delete(f"/v1/jobs/{job_id}").status_code == 204
    assert answer.result(10).status_code == 404


@pytest.mark.parametrize("wait", ["-1", "nan", "inf", "soon", ""])
def test_a_wait_must_be_seconds(site: Site, jpeg: bytes, wait: str) -> None:
    answer = site.client.get(f"/v1/jobs/{site.submit(jpeg)}", params={"wait": wait})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "wait"


def test_a_completed_job_shows_everything(site: Site, jpeg: bytes, webp: bytes) -> None:
    job_id = site.done(jpeg, {"thumb": webp}, metadata='{"a": [1, "ü"]}')
    job = site.client.get(f"/v1/jobs/{job_id}").json()
    assert set(job) == {
        *(
            "id",
            "job_id",
            "status",
            "source",
            "pipeline",
            "template",
            "batch_id",
            "outputs",
            "progress",
            "attempt",
            "faults",
            "scheduled_at",
            "not_before",
            "position",
            "eta_seconds",
            "deadline_seconds",
            "hold",
            "priority",
            "error",
        ),
        *(
            "metadata",
            "webhook_url",
            "store",
            "created_at",
            "queued_at",
            "started_at",
            "finished_at",
            "expires_at",
            "keep",
            "replay_of",
        ),
    }
    (output,) = job["outputs"]
    assert (output["id"], output["status"], output["format"]) == ("thumb", "completed", "webp")
    assert (output["bytes"], output["width"], output["height"]) == (len(webp), 150, 100)
    assert site.client.get(output["url"]).content == webp
    assert (job["source"]["width"], job["source"]["height"]) == (300, 200)
    assert job["metadata"] == {"a": [1, "ü"]}
    moments = [job[name] for name in ("created_at", "queued_at", "started_at", "finished_at")]
    assert moments == sorted(moments)
    for moment in moments:
        assert moment.endswith("Z")
        assert datetime.fromisoformat(moment).microsecond % 1000 == 0


def test_a_failed_job_says_why(site: Site, jpeg: bytes) -> None:
    job_id = site.submit(jpeg)
    site.finish(site.claim(job_id).claim, {}, Failure("corrupt", "the file ends in the middle", "thumb"))
    job = site.client.get(f"/v1/jobs/{job_id}").json()
    assert job["status"] == "failed"
    assert job["error"] == {"code": "corrupt", "message": "the file ends in the middle", "step": "thumb"}
    answer = site.client.get(f"/v1/jobs/{job_id}/outputs/thumb")
    assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (
        409,
        "output_missing",
        "failed",
    )
    assert "retry-after" not in answer.headers


def test_lists_page_by_cursor_newest_first(site: Site, jpeg: bytes) -> None:
    headers = {"x-tenant": "lister"}
    made = []
    for _ in range(5):
        answer = site.client.post("/v1/jobs", json={"pipeline": PIPELINE}, headers=headers)
        made.append(answer.json()["id"])
    found, cursor, pages = [], None, 0
    while cursor or not pages:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = site.client.get("/v1/jobs", params=params, headers=headers).json()
        found += [job["id"] for job in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert (found, pages) == (made[::-1], 3)

    site.client.post(f"/v1/jobs/{made[2]}/cancel", headers=headers)
    cancelled = site.client.get("/v1/jobs", params={"status": "cancelled"}, headers=headers).json()
    assert [job["id"] for job in cancelled["items"]] == [made[2]]
    later = cancelled["items"][0]["created_at"]
    newer = site.client.get("/v1/jobs", params={"created_after": later}, headers=headers).json()["items"]
    assert {job["id"] for job in newer} <= set(made[2:])


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"limit": 0}, 422),
        ({"limit": 201}, 422),
        ({"limit": "many"}, 422),
        ({"status": "lost"}, 422),
        ({"created_after": "yesterday"}, 400),
        ({"created_before": "1700000000"}, 400),
        ({"created_after": ""}, 400),
        ({"cursor": "'; DROP TABLE job; --"}, 400),
    ],
)
def test_a_bad_list_is_a_problem_document(site: Site, params: dict[str, str], status: int) -> None:
    answer = site.client.get("/v1/jobs", params=params)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    if status == 422:
        (error,) = answer.json()["errors"]
        assert error["field"] in params
        assert error["value"] == str(params[error["field"]])


def test_cancel_is_one_end_and_can_be_repeated(site: Site, jpeg: bytes, webp: bytes) -> None:
    job_id = site.submit(jpeg)
    for _ in range(2):
        answer = site.client.post(f"/v1/jobs/{job_id}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    done = site.done(jpeg, {"thumb": webp})
    answer = site.client.post(f"/v1/jobs/{done}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (409, "completed")


def test_retry_queues_a_failed_job_again(site: Site, jpeg: bytes, webp: bytes) -> None:
    job_id = site.submit(jpeg)
    early = site.client.post(f"/v1/jobs/{job_id}/retry")
    assert (early.status_code, early.json()["state"]) == (409, "queued")
    site.finish(site.claim(job_id).claim, {}, Failure("timeout", "it took too long"))
    again = site.client.post(f"/v1/jobs/{job_id}/retry")
    assert (again.status_code, again.json()["status"]) == (202, "queued")
    site.finish(site.claim(job_id).claim, {"thumb": webp})
    job = site.client.get(f"/v1/jobs/{job_id}").json()
    assert (job["status"], job["error"], job["attempt"]) == ("completed", None, 2)


def test_a_job_without_a_picture_cannot_be_retried(site: Site) -> None:
    job_id = site.client.post("/v1/jobs", json={"pipeline": PIPELINE}).json()["id"]
    site.client.post(f"/v1/jobs/{job_id}/cancel")
    answer = site.client.post(f"/v1/jobs/{job_id}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_missing")
    answer = site.client.post(f"/v1/jobs/{job_id}/start")
    assert (answer.status_code, answer.json()["state"]) == (409, "cancelled")


def test_deleting_takes_the_row_and_every_file(site: Site, jpeg: bytes, webp: bytes) -> None:
    job_id = site.done(jpeg, {"thumb": webp})
    assert len([path for path in site.files() if job_id in path.name]) == 2
    assert site.client.delete(f"/v1/jobs/{job_id}").status_code == 204
    assert [path for path in site.files() if job_id in path.name] == []
    for call in (
        lambda: site.client.get(f"/v1/jobs/{job_id}"),
        lambda: site.client.delete(f"/v1/jobs/{job_id}"),
        lambda: site.client.get(f"/v1/jobs/{job_id}/outputs/thumb"),
    ):
        assert call().status_code == 404


def test_links_are_whole_urls_where_public_url_is_set(
    make_site: Callable[..., Site], jpeg: bytes, webp: bytes
) -> None:
    site = make_site(public_url="https://pictures.example/base/")
    made = site.client.post("/v1/jobs", json={"pipeline": PIPELINE}).json()
    assert made["links"]["self"] == f"https://pictures.example/base/v1/jobs/{made['id']}"
    assert made["upload"]["url"].startswith(f"https://pictures.example/base/v1/uploads/{made['id']}?")
    job_id = site.done(jpeg, {"thumb": webp})
    (output,) = site.client.get(f"/v1/jobs/{job_id}").json()["outputs"]
    assert output["url"] == f"https://pictures.example/base/v1/jobs/{job_id}/outputs/thumb"


def test_a_stopping_server_sends_its_waiters_home(make_site: Callable[..., Site], jpeg: bytes) -> None:
    site = make_site()
    job_id = site.submit(jpeg)
    answer = waiting(site, job_id, seconds=60)
    site.stopping.set()
    assert answer.result(15).json()["status"] == "queued"
