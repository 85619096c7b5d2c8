"""Pictures by URL, from the request to the outputs, in a real server that may call this machine."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from harness.audit import audit
from harness.elsewhere import Asked, Elsewhere, Reply, elsewhere
from harness.extras import needs
from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server

PICTURE = encoded(photo(300, 200), "png")
PIPELINE = [{"id": "thumb", "action": "resize", "width": 60, "format": "webp"}]


CALLING = {
    "EGRESS_ALLOW": "127.0.0.0/8",
    "FETCH_SECONDS": "2",
    "TRANSFER_TRIES": "2",
    "FAULT_BACKOFF_SECONDS": "0.1",
    "BREAKER_FAILURES": "2",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("fetching")
    (folder / "shared").mkdir()
    with running_server(
        folder,
        **CALLING,
        STORAGE_ALLOW=f"file://{folder}/shared?access=read",
        HEARTBEAT_SECONDS="0.1",
    ) as running:
        yield running


def ask(server: RunningServer, url: str, key: str | None = None, **fields: Any) -> httpx.Response:
    body = {"source_type": "url", "url": url, "pipeline": PIPELINE, **fields}
    return httpx.post(f"{server.url}/v1/jobs", json=body, headers={"Idempotency-Key": key} if key else {})


def ended(server: RunningServer, url: str, **fields: Any) -> dict[str, Any]:
    made = ask(server, url, **fields)
    assert (made.status_code, made.json()["status"]) == (202, "queued"), made.text
    return wait(server, made.json()["id"])


def wait(server: RunningServer, job_id: str) -> dict[str, Any]:
    job: dict[str, Any] = httpx.get(f"{server.url}/v1/jobs/{job_id}?wait=20", timeout=30).json()
    return job


def test_a_picture_is_fetched_and_done(server: RunningServer, there: Elsewhere) -> None:
    there.routes["/parrots.png"] = Reply(200, PICTURE, {"Content-Type": "text/plain"})
    sha256 = hashlib.sha256(PICTURE).hexdigest()
    headers = {"Authorization": "Bearer open-sesame"}
    url = there.url + "/parrots.png?signature=hidden-in-query"

    job = ended(server, url, headers=headers, sha256=sha256.upper())

    assert job["status"] == "completed", job
    assert job["source"] == {
        "type": "url",
        "url": there.url + "/parrots.png",
        "bytes": len(PICTURE),
        "sha256": sha256,
        "format": "png",
        "width": 300,
        "height": 200,
        "gone_at": None,
    }
    assert [(asked.path, asked.headers["authorization"]) for asked in there.asked] == [
        ("/parrots.png?signature=hidden-in-query", "Bearer open-sesame")
    ]
    thumb = httpx.get(server.url + job["outputs"][0]["url"]).content
    assert hashlib.sha256(thumb).hexdigest() == job["outputs"][0]["sha256"]
    listing = httpx.get(f"{server.url}/v1/jobs").text
    for secret in ("open-sesame", "hidden-in-query"):
        assert secret not in json.dumps(job) + listing + server.log


def test_what_is_stored_is_not_fetched_again(server: RunningServer, there: Elsewhere) -> None:
    there.routes["/p"] = Reply(200, PICTURE[: len(PICTURE) // 2])
    job = ended(server, there.url + "/p")
    assert (job["status"], job["error"]["code"]) == ("failed", "corrupt")
    httpx.post(f"{server.url}/v1/jobs/{job['id']}/retry")
    assert wait(server, job["id"])["attempt"] == 2
    assert len(there.asked) == 1


def test_one_key_makes_one_job(server: RunningServer, there: Elsewhere) -> None:
    there.routes["/p"] = Reply(200, PICTURE)
    first, second = (ask(server, there.url + "/p", key="fetch-once") for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    other = ask(server, there.url + "/p", key="fetch-once", headers={"X-Other": "1"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert wait(server, first.json()["id"])["status"] == "completed"


REFUSED = {
    "source_not_found": [Reply(404), Reply(410, b"gone")],
    "source_denied": [Reply(401), Reply(403, b"secret of theirs"), Reply(206, PICTURE), Reply(304)],
    "source_unsupported": [
        Reply(200, b"<html>a page</html>"),
        Reply(200, b""),
        Reply(204),
        Reply(200, PICTURE, {"Content-Encoding": "gzip"}),
    ],
    "source_refused": [
        Reply(302, headers={"Location": "http://10.0.0.1/"}),
        Reply(302, headers={"Location": "ftp://pictures.example/"}),
        Reply(302, headers={"Location": "/p"}),
    ],
}


@pytest.mark.parametrize(
    ("code", "reply"),
    [
        pytest.param(code, reply, id=f"{code}-{number}")
        for code, replies in REFUSED.items()
        for number, reply in enumerate(replies)
    ],
)
def test_26_what_will_not_mend_fails_at_once(
    server: RunningServer, there: Elsewhere, code: str, reply: Reply
) -> None:
    if reply.status == 204:
        reply = Reply(200, b"")
    there.routes["/p"] = reply
    job = ended(server, there.url + "/p?token=hidden")
    assert (job["status"], job["error"]["code"], job["attempt"]) == ("failed", code, 1), job
    assert "hidden" not in job["error"]["message"]
    assert "theirs" not in json.dumps(job)
    assert job["source"]["bytes"] is None


def test_a_wrong_hash_keeps_nothing(server: RunningServer, there: Elsewhere) -> None:
    there.routes["/p"] = Reply(200, PICTURE)
    before = stored(server)
    job = ended(server, there.url + "/p", sha256="0" * 64)
    assert (job["status"], job["error"]["code"]) == ("failed", "source_sha256")
    assert hashlib.sha256(PICTURE).hexdigest() in job["error"]["message"]
    assert stored(server) == before


@pytest.mark.parametrize("announced", [True, False])
def test_26_a_picture_over_the_cap_is_broken_off(tmp_path: Path, there: Elsewhere, announced: bool) -> None:
    there.routes["/p"] = Reply(200, PICTURE + bytes(5_000_000), length=announced)
    with running_server(tmp_path, EGRESS_ALLOW="127.0.0.1/32", MAX_UPLOAD_SIZE="200000") as small:
        job = ended(small, there.url + "/p")
        assert (job["status"], job["error"]["code"]) == ("failed", "source_too_large")
        assert "MAX_UPLOAD_SIZE" in job["error"]["message"]
        assert stored(small) == set()


def test_what_may_mend_is_tried_again(server: RunningServer, there: Elsewhere) -> None:
    times: list[float] = []

    def answer(asked: Asked) -> Reply:
        times.append(time.monotonic())
        return Reply(503, headers={"Retry-After": "1"}) if len(times) == 1 else Reply(200, PICTURE)

    there.routes["/p"] = answer
    job = ended(server, there.url + "/p")
    assert (job["status"], job["attempt"], len(times)) == ("completed", 2, 2)
    assert times[1] - times[0] >= 1, "what the other machine asks for is kept to"


@pytest.mark.parametrize(
    "reply",
    [Reply(429), Reply(500), Reply(200, PICTURE, reset=1000), Reply(200, PICTURE, stall=1000)],
    ids=["too many requests", "server error", "reset", "stalled"],
)
def test_it_is_not_tried_for_ever(server: RunningServer, there: Elsewhere, reply: Reply) -> None:
    there.routes["/p"] = reply
    job = ended(server, there.url + "/p")
    assert (job["status"], job["error"]["code"], len(there.asked)) == ("failed", "source_unreachable", 2), job
    assert stored_of(server, job["id"]) == []
    there.routes["/p"] = Reply(200, PICTURE)
    httpx.post(f"{server.url}/v1/jobs/{job['id']}/retry")
    assert wait(server, job["id"])["status"] == "completed"


def marked(there: Elsewhere) -> list[dict[str, Any]]:
    layers = [{"image": there.url + "/logo.png"}, {"image": there.url + "/logo.png", "x": 9}]
    return [{"id": "card", "action": "composite", "layers": layers, "format": "webp"}]


def test_a_step_refers_to_a_picture_by_url(server: RunningServer, there: Elsewhere) -> None:
    there.routes["/p"] = Reply(200, PICTURE)
    for color, times in (("red", 1), ("blue", 2)):
        there.routes["/logo.png"] = Reply(200, encoded(Image.new("RGB", (20, 20), color), "PNG"))
        job = ended(server, there.url + "/p", pipeline=marked(there))
        assert job["status"] == "completed", job
        assert [asked.path for asked in there.asked].count("/logo.png") == times
        with Image.open(BytesIO(httpx.get(server.url + job["outputs"][0]["url"]).content)) as made:
            red, _, blue = made.convert("RGB").getpixel((150, 100))
        assert (red > blue) == (color == "red")
        assert len(stored_of(server, job["id"])) == 1, "what steps refer to is not kept"


def test_the_bytes_of_all_that_is_fetched_are_charged(tmp_path: Path, there: Elsewhere) -> None:
    logo = encoded(Image.new("RGB", (20, 20), "red"), "PNG")
    there.routes["/p"], there.routes["/logo.png"] = Reply(200, PICTURE), Reply(200, logo)
    both, room = len(PICTURE) + len(logo), 2 * len(PICTURE) + len(logo) + 1

    def charged(server: RunningServer) -> int:
        (day,) = httpx.get(f"{server.url}/v1/usage").json()["days"]
        return int(day["bytes"])

    with running_server(tmp_path, **CALLING, TENANT_BYTES_PER_DAY=str(room)) as server:
        assert ended(server, there.url + "/p", pipeline=marked(there))["status"] == "completed"
        assert charged(server) == both
        over = ended(server, there.url + "/p", pipeline=marked(there))
        assert (over["status"], over["error"]["code"]) == ("failed", "reference_quota"), over
        assert "TENANT_BYTES_PER_DAY" in over["error"]["message"]
        assert charged(server) == room - 1
        last = ended(server, there.url + "/p")
        assert last["error"]["code"] == "source_quota"
        assert charged(server) == room - 1
        there.routes["/p"] = Reply(200, b"G")  # whatever it is, there is room for it
        assert ended(server, there.url + "/p")["error"]["code"] == "source_unsupported"
    with running_server(tmp_path, **CALLING, TENANT_BYTES_PER_DAY=str(room - 1)) as server:
        refused = ask(server, there.url + "/p")
        assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")


def test_a_reference_that_cannot_be_fetched_fails_the_job(server: RunningServer, there: Elsewhere) -> None:
    there.routes["/p"] = Reply(200, PICTURE)
    job = ended(server, there.url + "/p", pipeline=marked(there))
    assert (job["status"], job["error"]["code"]) == ("failed", "reference_not_found")
    assert "/logo.png" in job["error"]["message"]
    private = [{"id": "m", "action": "watermark", "image": "https://10.0.0.1/logo.png"}]
    answer = ask(server, there.url + "/p", pipeline=private)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        422,
        "egress_refused",
        "pipeline",
    )


def test_a_dead_machine_opens_its_own_circuit_alone(tmp_path: Path, there: Elsewhere) -> None:
    """The storage is well, whatever others are: jobs that need another machine, or none, must not wait."""
    settings = {
        **CALLING,
        "MAX_HOST_WAIT_SECONDS": "0",
        "MAX_FAULT_BACKOFF_SECONDS": "0.2",
        "BREAKER_SECONDS": "600",
        "MAX_BREAKER_SECONDS": "600",
    }
    there.routes["/p"] = Reply(200, PICTURE)
    with running_server(tmp_path, **settings) as server, elsewhere() as dead:
        dead.routes["/p"] = Reply(503)
        for _ in range(5):
            job = ended(server, dead.url + "/p")
            assert job["error"]["code"] == "source_unreachable"
        assert "is left alone for now: 127.0.0.1 answers 503" in job["error"]["message"]
        assert len(dead.asked) == 2, "each of these jobs tried it, or none was put off"
        metrics = httpx.get(f"{server.url}/metrics").text
        assert 'pixelflow_circuit{service="storage",state="closed"} 1.0' in metrics
        assert 'pixelflow_host_circuits{state="open"} 1.0' in metrics
        ready = httpx.get(f"{server.url}/readyz")
        (check,) = [each for each in ready.json()["checks"] if each["name"] == "circuit.hosts"]
        assert (ready.status_code, check["good"], check["vital"]) == (200, False, False)
        assert check["facts"] == {"closed": 0, "open": 1, "half_open": 0}
        assert "127.0.0.1" not in check["detail"]
        assert ended(server, there.url + "/p")["status"] == "completed"


def test_a_slow_machine_delays_neither_decoders_nor_other_machines(tmp_path: Path, there: Elsewhere) -> None:
    there.routes["/fast"] = Reply(200, PICTURE)
    settings = {"EGRESS_ALLOW": "127.0.0.0/8", "MAX_TRANSFERS": "4", "MAX_TRANSFERS_PER_HOST": "2"}
    with running_server(tmp_path, **settings) as server, elsewhere(host="127.0.0.2") as slow:
        slow.routes["/slow"] = Reply(200, PICTURE, stall=1000)
        stuck = [ask(server, slow.url + "/slow").json()["id"] for _ in range(30)]
        assert ended(server, there.url + "/fast")["status"] == "completed"
        made = httpx.post(
            f"{server.url}/v1/jobs", files={"file": PICTURE}, data={"pipeline": json.dumps(PIPELINE)}
        )
        assert wait(server, made.json()["id"])["status"] == "completed"
        states = {httpx.get(f"{server.url}/v1/jobs/{job_id}").json()["status"] for job_id in stuck}
        assert states <= {"processing", "queued"}, "they ended before the fast one: nothing was shown"
        assert len(slow.asked) == 2


def test_a_fetch_ends_with_its_job(server: RunningServer, there: Elsewhere) -> None:
    there.routes["/slow"] = Reply(200, PICTURE, stall=1000)
    job_id = ask(server, there.url + "/slow").json()["id"]
    while httpx.get(f"{server.url}/v1/jobs/{job_id}").json()["status"] != "processing":
        pass
    assert httpx.post(f"{server.url}/v1/jobs/{job_id}/cancel").json()["status"] == "cancelled"
    while stored_of(server, job_id):
        pass
    assert wait(server, job_id)["status"] == "cancelled"


@needs("s3")
def test_a_picture_in_a_folder_that_is_opened(server: RunningServer) -> None:
    (server.folder / "shared" / "a b.png").write_bytes(PICTURE)
    (server.folder / "private.png").write_bytes(PICTURE)
    (server.folder / "shared" / "link.png").symlink_to(server.folder / "private.png")
    base = f"file://{server.folder}"
    assert ended(server, f"{base}/shared/a b.png")["status"] == "completed"
    missing = ended(server, f"{base}/shared/none.png")
    assert (missing["status"], missing["error"]["code"]) == ("failed", "source_not_found")
    for path in ("private.png", "shared/../private.png", "shared/link.png", "shared-not/a.png", "shared/"):
        refused = ask(server, f"{base}/{path}")
        assert (refused.status_code, refused.json()["code"]) == (422, "egress_refused"), path
    assert "STORAGE_ALLOW" in ask(server, "s3://bucket/a.png").json()["detail"]
    both = ask(server, f"{base}/shared/a b.png", headers={"X-A": "1"})
    assert both.json()["errors"][0]["field"] == "headers"


BAD = {
    "http://192.168.0.1/a.png": "EGRESS_ALLOW",
    "http://[::1]/a.png": "EGRESS_ALLOW",
    "https://me:hidden@pictures.example/a.png": "credentials",
    "gopher://pictures.example/": "http",
}


@pytest.mark.parametrize("url", BAD)
def test_a_url_that_is_not_called_is_refused_at_submission(server: RunningServer, url: str) -> None:
    answer = ask(server, url)
    assert (answer.status_code, answer.json()["code"]) == (422, "egress_refused")
    assert BAD[url] in answer.json()["detail"]
    assert "hidden" not in answer.text


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": None}, "url"),
        ({"url": 7}, "url"),
        ({"url": "pictures.example/a.png"}, "url"),
        ({"url": "https://" + "a" * 3000}, "url"),
        ({"headers": ["hidden"]}, "headers"),
        ({"headers": {"Host": "hidden"}}, "headers"),
        ({"headers": {"content-length": "hidden"}}, "headers"),
        ({"headers": {"Proxy-Authorization": "hidden"}}, "headers"),
        ({"headers": {"If-None-Match": "hidden"}}, "headers"),
        ({"headers": {"Range": "hidden"}}, "headers"),
        ({"headers": {"X-A": "hidden\r\nHost: b"}}, "headers"),
        ({"headers": {"X A": "hidden"}}, "headers"),
        ({"headers": {"X-A": " hidden"}}, "headers"),
        ({"headers": {"X-A": 1}}, "headers"),
        ({"headers": {"X-A": "hidden" * 2000}}, "headers"),
        ({"headers": {f"X-{n}": "hidden" for n in range(33)}}, "headers"),
        ({"headers": {"X-A": "hidden ☃"}}, "headers"),
        ({"sha256": "abc"}, "sha256"),
        ({"sha256": 5}, "sha256"),
        ({"image_data": "aGlkZGVu"}, "image_data"),
        ({"source_type": "upload"}, "url"),
        ({"source_type": "base64", "image_data": "aGlkZGVu"}, "url"),
        ({"source_type": "upload", "url": None, "headers": {"X": "hidden"}}, "headers"),
    ],
)
def test_bad_fields_are_named_and_not_repeated(
    server: RunningServer, fields: dict[str, Any], field: str
) -> None:
    given = {"source_type": "url", "url": "https://pictures.example/", "pipeline": PIPELINE, **fields}
    answer = httpx.post(f"{server.url}/v1/jobs", json=given)
    assert answer.status_code == 422, answer.text
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert "hidden" not in answer.text


def test_all_that_is_wrong_is_told_at_once(server: RunningServer) -> None:
    def fields(url: str, **more: Any) -> list[str]:
        answer = ask(server, url, **more)
        assert answer.status_code == 422, answer.text
        return [error["field"] for error in answer.json()["errors"]]

    wrong = {"headers": {"X": "1"}, "sha256": "abc", "pipeline": [{"id": "a", "action": "fly"}]}
    assert fields("ftp://pictures.example/a.png", **wrong) == ["headers", "sha256", "url", "action"]
    assert fields("ftp://pictures.example/a.png", headers={"X": "1"}) == ["headers", "url"]
    assert fields("ftp://pictures.example/a.png", pipeline=wrong["pipeline"]) == ["url", "action"]
    assert fields("s3://bucket/a.png", headers={"X": "1"}) == ["headers"]
    store = {"url": "ftp://pictures.example/{step}", "headers": {"X": "1"}}
    assert fields("https://pictures.example/a.png", store=store) == ["store.headers", "store.url"]
    assert fields("https://pictures.example/a.png", sha256="abc") == ["sha256"]


def test_a_server_that_is_killed_while_it_fetches_fetches_again(tmp_path: Path, there: Elsewhere) -> None:
    begun = threading.Event()

    def answer(asked: Asked) -> Reply:
        if begun.is_set():
            return Reply(200, PICTURE)
        begun.set()
        return Reply(200, PICTURE, stall=1000)

    there.routes["/p"] = answer
    with running_server(
        tmp_path, EGRESS_ALLOW="127.0.0.1/32", SWEEP_SECONDS="0.2", ORPHAN_SECONDS="1"
    ) as server:
        job_id = ask(server, there.url + "/p").json()["id"]
        assert begun.wait(20)
        server.kill_group()
        server.start()
        job = wait(server, job_id)
        assert (job["status"], job["attempt"], len(there.asked)) == ("completed", 2, 2)
        while len(stored(server)) > 1:
            time.sleep(0.05)
        assert server.stop() == 0
    found = audit(server.database, server.folder / "uploads", server.folder / "outputs", [job_id])
    assert found.clean, found


def test_a_default_server_calls_no_private_address(tmp_path: Path, there: Elsewhere) -> None:
    there.routes["/p"] = Reply(200, PICTURE)
    with running_server(tmp_path) as closed:
        answer = ask(closed, there.url + "/p")
        assert (answer.status_code, answer.json()["setting"]) == (422, "EGRESS_ALLOW")
        assert "Egress" not in closed.log
    assert there.asked == []


def test_the_address_is_checked_again_when_it_is_fetched(tmp_path: Path, there: Elsewhere) -> None:
    """What was allowed when the job was made is not when it runs."""
    there.routes["/p"] = Reply(503)
    with running_server(tmp_path, EGRESS_ALLOW="127.0.0.1/32", TRANSFER_TRIES="20") as server:
        job_id = ask(server, there.url + "/p").json()["id"]
        server.kill_group()
        asked = len(there.asked)
        server.env["EGRESS_ALLOW"] = ""
        server.start()
        job = wait(server, job_id)
    assert (job["status"], job["error"]["code"]) == ("failed", "source_refused")
    assert len(there.asked) == asked


def stored(server: RunningServer) -> set[Path]:
    return {path for path in (server.folder / "uploads").rglob("*") if path.is_file()}


def stored_of(server: RunningServer, job_id: str) -> list[Path]:
    return [path for path in stored(server) if job_id in str(path)]


def test_many_that_are_fetched_before_there_is_room_wait_for_it(tmp_path: Path, there: Elsewhere) -> None:
    there.routes["/large.png"] = Reply(200, encoded(photo(1200, 900), "png"), {})
    slow = [{"id": "slow", "action": "blur", "sigma": 40, "format": "avif", "effort": 4}]
    with running_server(tmp_path, **CALLING, WORKER_POOL_SIZE="1", STEP_CACHE="false") as server:
        made = [ask(server, there.url + "/large.png", pipeline=slow) for _ in range(24)]
        jobs = [wait(server, each.json()["id"]) for each in made]
    assert {(job["status"], job["attempt"]) for job in jobs} == {("completed", 1)}
