"""Another machine refuses, hangs or fails, then is back: its jobs wait for it, and nobody else's do."""

import socket
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.audit import audit
from harness.elsewhere import Elsewhere, Reply, elsewhere
from harness.load import JOBS, sweep, wait_terminal
from harness.pictures import encoded, photo
from harness.receiver import wait_for
from harness.server import RunningServer, running_server

PICTURE = encoded(photo(300, 200), "png")
PIPELINE = [{"id": "thumb", "action": "resize", "width": 60, "format": "webp"}]
FAILURES, AT_ONCE = 3, 4
SETTINGS = {
    "EGRESS_ALLOW": "127.0.0.0/8",
    "FETCH_SECONDS": "1",
    "DELIVER_SECONDS": "1",
    "STEP_CACHE": "false",
    "TRANSFER_TRIES": "3",
    "FAULT_BACKOFF_SECONDS": "0.2",
    "BREAKER_FAILURES": str(FAILURES),
    "BREAKER_SECONDS": "0.2",
    "MAX_BREAKER_SECONDS": "1",
    "MAX_TRANSFERS_PER_HOST": str(AT_ONCE),
}
BAD = {"hangs": Reply(200, PICTURE, stall=0), "fails": Reply(500), "resets": Reply(200, PICTURE, reset=10)}


@contextmanager
def machine(mood: str) -> Iterator[tuple[str, Callable[[], Elsewhere | None], Callable[[], Elsewhere]]]:
    """Its URL, itself while it is bad (none that refuses), and what brings it back."""
    with ExitStack() as stack:
        if mood == "refuses":
            reserved = stack.enter_context(socket.socket())
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            reserved.bind(("127.0.0.2", 0))  # nobody listens
            port = reserved.getsockname()[1]

            def back() -> Elsewhere:
                reserved.close()
                there = stack.enter_context(elsewhere(host="127.0.0.2", port=port))
                well(there)
                return there

            yield f"http://127.0.0.2:{port}", lambda: None, back
            return
        there = stack.enter_context(elsewhere(host="127.0.0.2"))
        there.otherwise = BAD[mood]

        def mended() -> Elsewhere:
            well(there)
            return there

        yield there.url, lambda: there, mended


def well(there: Elsewhere) -> None:
    """It has any picture, and takes any output."""
    there.otherwise = lambda asked: Reply(200, PICTURE) if asked.method == "GET" else Reply(201)


def fetched_from(url: str) -> dict[str, Any]:
    return {"url": url + "/p"}


def sent_to(url: str, good: str) -> dict[str, Any]:
    return {"url": good + "/p", "store": {"url": url + "/{job_id}.{ext}"}}


def submit(server: RunningServer, **fields: Any) -> str:
    body = {"source_type": "url", "pipeline": PIPELINE, **fields}
    made = httpx.post(f"{server.url}/v1/jobs", json=body, timeout=30)
    assert made.status_code == 202, made.text
    return str(made.json()["id"])


def shown(server: RunningServer, jobs: Sequence[str]) -> list[dict[str, Any]]:
    return [httpx.get(f"{server.url}/v1/jobs/{job_id}").json() for job_id in jobs]


@pytest.mark.parametrize(
    ("way", "mood"), [*(("fetched from", mood) for mood in ("refuses", *BAD)), ("sent to", "fails")]
)
def test_jobs_wait_for_a_dead_machine_and_others_do_not(tmp_path: Path, way: str, mood: str) -> None:
    settings = {**SETTINGS, "MAX_HOST_WAIT_SECONDS": "600"}
    with (
        running_server(tmp_path, **settings) as server,
        machine(mood) as (url, bad, mend),
        elsewhere() as good,
    ):
        well(good)
        fields = fetched_from(url) if way == "fetched from" else sent_to(url, good.url)
        first = [submit(server, **fields) for _ in range(FAILURES)]
        wait_for(lambda: "another machine is left alone" in server.log)
        waiting = first + [submit(server, **fields) for _ in range(JOBS)]
        healthy = [submit(server, url=good.url + "/p") for _ in range(JOBS)]
        for job_id in healthy:
            job = wait_terminal(server, job_id)
            assert (job["status"], job["attempt"], job["faults"]) == ("completed", 1, 0), job

        wait_for(lambda: shown(server, waiting[-1:])[0]["attempt"])  # the last of them was sent away as well
        left = shown(server, waiting)
        assert {job["status"] for job in left} <= {"queued", "processing"}, "one has given up"
        openings = server.log.count("another machine is left alone")
        # Each call that failed is a fault or a try within an attempt: those that opened it, those that were
        # under way meanwhile, and one trial for each time that it was opened again.
        most = FAILURES + AT_ONCE + openings
        assert sum(job["faults"] for job in left) <= most
        dead = bad()
        if dead is not None:
            assert FAILURES <= len(dead.asked) <= most

        mend()
        for job_id in waiting:
            assert wait_terminal(server, job_id)["status"] == "completed"
        assert server.stop() == 0
        sweep(server)
    made = [*waiting, *healthy]
    audited = audit(server.database, server.folder / "uploads", server.folder / "outputs", made)
    assert audited.clean, audited
    with closing(sqlite3.connect(server.database)) as book:
        assert book.execute("SELECT count(*) FROM job").fetchone() == (len(made),)


@pytest.mark.parametrize("way", ["fetched from", "sent to"])
def test_jobs_for_a_machine_that_stays_dead_end_each_once(tmp_path: Path, way: str) -> None:
    settings = {**SETTINGS, "MAX_HOST_WAIT_SECONDS": "1"}
    code = "source_unreachable" if way == "fetched from" else "delivery_unreachable"
    with (
        running_server(tmp_path, **settings) as server,
        machine("fails") as (url, bad, _),
        elsewhere() as good,
    ):
        well(good)
        fields = fetched_from(url) if way == "fetched from" else sent_to(url, good.url)
        jobs = [submit(server, **fields) for _ in range(JOBS)]
        for job_id in jobs:
            job = wait_terminal(server, job_id)
            assert (job["status"], job["error"]["code"], job["faults"]) == ("failed", code, 2), job
        dead = bad()
        openings = server.log.count("another machine is left alone")
        assert dead is not None
        assert FAILURES <= len(dead.asked) <= FAILURES + AT_ONCE + openings
        assert server.stop() == 0
        sweep(server)
    audited = audit(server.database, server.folder / "uploads", server.folder / "outputs", jobs)
    assert audited.clean, audited
