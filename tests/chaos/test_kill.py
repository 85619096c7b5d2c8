"""Whatever is killed under load, every accepted job reaches exactly one end."""

import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from harness.audit import Audit, audit
from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server

JOBS = int(os.environ.get("CHAOS_JOBS", "60"))
KILLS = int(os.environ.get("CHAOS_KILLS", "4"))
PIPELINE = json.dumps(
    [
        {"id": "large", "action": "thumbnail", "width": 800, "format": "webp"},
        {"id": "small", "action": "thumbnail", "width": 120, "format": "jpeg"},
    ]
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    paced = {"LEASE_SECONDS": "4", "HEARTBEAT_SECONDS": "1", "KEEPER_SECONDS": "0.5"}
    # The same picture again and again: without the cache every job is work that can be killed. Whatever is
    # ready is told of at once, so that there are files before the end.
    worked = {"STEP_CACHE": "false", "ANNOUNCE_AFTER_SECONDS": "0"}
    with running_server(tmp_path, **worked, **paced) as running:
        yield running


class Load(threading.Thread):
    """Submits job after job, each until it is acknowledged, whatever happens to the server meanwhile."""

    def __init__(self, server: RunningServer, jobs: int) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.jobs = jobs
        self.acknowledged: list[str] = []
        self.progressed = threading.Condition()

    def run(self) -> None:
        picture = encoded(photo(1200, 900), quality=85)
        while len(self.acknowledged) < self.jobs:
            with suppress(httpx.TransportError):
                answer = httpx.post(
                    f"{self.server.url}/v1/jobs",
                    files={"file": ("photo.jpg", picture, "image/jpeg")},
                    data={"pipeline": PIPELINE},
                    headers={"Idempotency-Key": f"load-{len(self.acknowledged)}"},
                    timeout=30,
                )
                assert answer.status_code == 202, answer.text
                with self.progressed:
                    self.acknowledged.append(answer.json()["job_id"])
                    self.progressed.notify_all()

    def wait_for(self, count: int) -> None:
        with self.progressed:
            assert self.progressed.wait_for(lambda: len(self.acknowledged) >= min(count, self.jobs), 60)


def test_killed_decoders_cost_no_job(server: RunningServer) -> None:
    ended = under_load(server, lambda: kill_one_decoder(server))
    assert ended.clean, ended


def test_a_killed_server_loses_nothing(server: RunningServer) -> None:
    def kill_and_restart() -> None:
        server.kill()
        server.start()

    ended = under_load(server, kill_and_restart)
    assert ended.clean, ended


def test_a_killed_process_group_loses_nothing(server: RunningServer) -> None:
    def kill_and_restart() -> None:
        server.kill_group()
        server.start()

    ended = under_load(server, kill_and_restart)
    assert ended.clean, ended


def test_sigterm_with_jobs_running_exits_clean_and_loses_nothing(server: RunningServer) -> None:
    codes: list[int] = []

    def stop_and_start() -> None:
        codes.append(server.stop())
        server.start()

    ended = under_load(server, stop_and_start)
    assert ended.clean, ended
    assert set(codes) == {0}


def under_load(server: RunningServer, fault: Callable[[], None]) -> Audit:
    """Faults while jobs come in, then all jobs to their end, then the sweep, then the audit."""
    load = Load(server, JOBS)
    load.start()
    for number in range(KILLS):
        load.wait_for((number + 1) * JOBS // (KILLS + 1))
        fault()
    load.join(120)
    assert len(load.acknowledged) == JOBS
    assert len(set(load.acknowledged)) == JOBS
    for job_id in load.acknowledged:
        job = wait_terminal(server, job_id)
        assert job["status"] == "completed", job
    assert server.stop() == 0
    sweep(server)
    return audit(server.database, server.folder / "uploads", server.folder / "outputs", load.acknowledged)


def wait_terminal(server: RunningServer, job_id: str) -> dict[str, object]:
    for _ in range(10):
        job: dict[str, object] = httpx.get(f"{server.url}/v1/jobs/{job_id}?wait=10", timeout=30).json()
        if job["status"] in {"completed", "failed", "cancelled", "quarantined"}:
            return job
    raise AssertionError(f"job {job_id} does not end: {job}")


def sweep(server: RunningServer) -> None:
    """The keeper's sweep with an age of nothing: what it leaves is what rows name."""
    server.env |= {"ORPHAN_SECONDS": "0.001", "SWEEP_SECONDS": "0.2"}
    server.start()
    for _ in range(200):
        if '"duty": "sweep_files"' in server.log or not leftovers(server):
            break
        threading.Event().wait(0.05)
    assert server.stop() == 0


def leftovers(server: RunningServer) -> list[Path]:
    found = audit(server.database, server.folder / "uploads", server.folder / "outputs", ())
    return [server.folder] if found.orphan_files or found.unfinished_files else []


def kill_one_decoder(server: RunningServer) -> None:
    decoders = server.children()
    if decoders:
        with suppress(ProcessLookupError):
            os.kill(random.choice(decoders), signal.SIGKILL)
