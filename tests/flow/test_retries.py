"""A service that does not answer: jobs wait for it, and no caller sees more than that."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.audit import audit
from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server

PATIENCE_SECONDS = 30.0
PIPELINE = json.dumps([{"id": "thumb", "action": "resize", "width": 90, "format": "webp"}])
QUICK = {
    "WORKER_POOL_SIZE": "1",
    "STEP_CACHE": "false",
    "FAULT_BACKOFF_SECONDS": "0.05",
    "MAX_FAULT_BACKOFF_SECONDS": "0.2",
    "BREAKER_FAILURES": "2",
    "BREAKER_SECONDS": "0.1",
    "MAX_BREAKER_SECONDS": "0.4",
}


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., Any]:
    @contextmanager
    def start(**settings: str) -> Iterator[tuple[RunningServer, httpx.Client]]:
        with (
            running_server(tmp_path, **{**QUICK, **settings}) as server,
            httpx.Client(base_url=server.url, timeout=60) as client,
        ):
            yield server, client

    return start


@contextmanager
def without_outputs(server: RunningServer) -> Iterator[None]:
    """Where the folder of the results should be is a file."""
    folder = server.folder / "outputs" / "outputs" / "local"
    assert not folder.exists()
    folder.write_text("")
    try:
        yield
    finally:
        folder.unlink()


def submitted(client: httpx.Client, seed: int = 0) -> str:
    picture = encoded(photo(200, 150, seed=seed))
    while True:  # as a client does that is told to come again
        made = client.post("/v1/jobs", files={"file": picture}, data={"pipeline": PIPELINE})
        if made.status_code == 202:
            return str(made.json()["id"])
        assert made.json()["code"] == "storage_unavailable", made.text


def job(client: httpx.Client, job_id: str, wait: float = 0) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/jobs/{job_id}", params={"wait": wait}).json()
    return found


def until(fact: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.01)


def circuit(client: httpx.Client, name: str) -> dict[str, Any]:
    checks = client.get("/readyz").json()["checks"]
    return next(check for check in checks if check["name"] == f"circuit.{name}")


def test_what_failed_with_the_storage_is_done_once_it_is_back(serve: Callable[..., Any]) -> None:
    with serve(FAULT_TRIES="1000") as (server, client):
        with without_outputs(server):
            jobs = [submitted(client, seed) for seed in range(4)]
            until(lambda: circuit(client, "storage")["facts"]["state"] == "open")
            opened = circuit(client, "storage")
            assert (opened["good"], opened["vital"]) == (False, False)
            until(lambda: any(job(client, one)["faults"] for one in jobs))
            metrics = client.get("/metrics").text
            assert 'pixelflow_circuit{service="storage",state="closed"} 0.0' in metrics
        ended = [job(client, one, wait=30) for one in jobs]
        assert [one["status"] for one in ended] == ["completed"] * 4
        assert all(one["not_before"] is None for one in ended)
        assert circuit(client, "storage")["facts"] == {"state": "closed", "failures": 0, "seconds": 0.0}
        server.stop()
        audited = audit(server.database, server.folder / "uploads", server.folder / "outputs", jobs)
        assert audited.clean, audited


def test_a_job_gives_up_after_so_many_faults_and_says_so(serve: Callable[..., Any]) -> None:
    with serve(FAULT_TRIES="3", BREAKER_FAILURES="100") as (server, client):
        with without_outputs(server):
            one = submitted(client)
            ended = job(client, one, wait=30)
            assert (ended["status"], ended["error"]["code"]) == ("failed", "unavailable")
            assert (ended["faults"], ended["attempt"]) == (3, 3)
            assert "3 times" in ended["error"]["message"]
            assert str(server.folder) not in ended["error"]["message"]
        client.post(f"/v1/jobs/{one}/retry").raise_for_status()
        again = job(client, one, wait=30)
        assert (again["status"], again["faults"], again["error"]) == ("completed", 0, None)


def test_while_the_storage_is_away_nothing_is_claimed(serve: Callable[..., Any]) -> None:
    settings = {"FAULT_TRIES": "1000", "BREAKER_SECONDS": "600", "MAX_BREAKER_SECONDS": "600"}
    with serve(**settings) as (server, client), without_outputs(server):
        first = submitted(client)
        until(lambda: circuit(client, "storage")["facts"]["state"] == "open")
        until(lambda: job(client, first)["not_before"] is None)
        tried = job(client, first)["attempt"]
        client.get(f"/v1/jobs/{first}", params={"wait": 1})
        assert job(client, first)["attempt"] == tried
        # Nor is a picture taken: where it would go is not known to answer.
        refused = client.post("/v1/jobs", files={"file": b""}, data={"pipeline": PIPELINE})
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
        assert int(refused.headers["retry-after"]) > 60
        refused = client.post("/v1/assets", files={"file": b""})
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")


def test_a_cancelled_job_is_killed_at_once_in_the_same_process(serve: Callable[..., Any]) -> None:
    with serve(HEARTBEAT_SECONDS="600", LEASE_SECONDS="3600") as (server, client):
        slow = json.dumps([{"id": "slow", "action": "blur", "sigma": 60, "format": "avif", "effort": 9}])
        picture = encoded(photo(1600, 1200))
        made = client.post("/v1/jobs", files={"file": picture}, data={"pipeline": slow}).json()
        until(lambda: bool(job(client, made["id"])["status"] == "processing"))
        (decoder,) = server.children()
        client.post(f"/v1/jobs/{made['id']}/cancel").raise_for_status()
        until(lambda: decoder not in server.children())
        assert job(client, submitted(client), wait=30)["status"] == "completed"
        answer = job(client, made["id"])
        assert answer["status"] == "cancelled"
        assert datetime.fromisoformat(answer["finished_at"]) >= datetime.fromisoformat(answer["started_at"])


def slow_job(client: httpx.Client, **fields: str) -> str:
    pipeline = json.dumps([{"id": "slow", "action": "blur", "sigma": 60, "format": "avif", "effort": 9}])
    picture = encoded(photo(1600, 1200))
    made = client.post("/v1/jobs", files={"file": picture}, data={"pipeline": pipeline, **fields})
    assert made.status_code == 202, made.text
    return str(made.json()["id"])


def test_a_job_is_killed_at_its_own_deadline(serve: Callable[..., Any]) -> None:
    with serve() as (_, client):
        one = slow_job(client, deadline_seconds="0.3")
        ended = job(client, one, wait=30)
        assert (ended["status"], ended["error"]["code"]) == ("failed", "timeout")
        assert "0.3 seconds (the job's deadline_seconds)" in ended["error"]["message"]


def test_a_job_runs_when_its_time_has_come(serve: Callable[..., Any]) -> None:
    with serve(KEEPER_SECONDS="600") as (_, client):
        at = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        picture = encoded(photo(200, 150))
        fields = {"pipeline": PIPELINE, "scheduled_at": at}
        made = client.post("/v1/jobs", files={"file": picture}, data=fields).json()
        ended = job(client, made["id"], wait=30)
        assert (ended["status"], ended["not_before"]) == ("completed", None)
        assert datetime.fromisoformat(ended["started_at"]) >= datetime.fromisoformat(ended["scheduled_at"])


def test_what_is_quarantined_says_what_it_was(serve: Callable[..., Any]) -> None:
    with serve() as (server, client):
        one = slow_job(client)
        for crash in range(1, 4):
            until(lambda: job(client, one)["attempt"] == crash)  # noqa: B023 - asked within the turn
            until(lambda: job(client, one)["status"] == "processing" and bool(server.children()))
            for pid in server.children():
                os.kill(pid, signal.SIGSEGV)
        ended = job(client, one, wait=30)
        assert (ended["status"], ended["error"]["code"]) == ("quarantined", "crash")
        assert (ended["source"]["width"], ended["source"]["height"]) == (1600, 1200)
        assert "1600 × 1200 pixels, predicted to take" in ended["error"]["message"]
        client.post(f"/v1/jobs/{one}/retry").raise_for_status()
        assert job(client, one)["error"] is None
