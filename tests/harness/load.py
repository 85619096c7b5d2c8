"""Uploads one after the other while something goes wrong, and the audit of what became of them."""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx

from harness.audit import Audit, audit, recoveries
from harness.pictures import encoded, photo
from harness.server import RunningServer

JOBS = int(os.environ.get("CHAOS_JOBS", "60"))
FAULTS = int(os.environ.get("CHAOS_FAULTS", "4"))
PIPELINE = json.dumps(
    [
        {"id": "large", "action": "thumbnail", "width": 800, "format": "webp"},
        {"id": "small", "action": "thumbnail", "width": 120, "format": "jpeg"},
    ]
)
# The same picture again and again: without the cache every job is work that can be killed. Whatever is ready
# is told of at once, so that there are files before the end.
WORKED = {"STEP_CACHE": "false", "ANNOUNCE_AFTER_SECONDS": "0"}
LATE_SECONDS = 3.0
"""How much longer than its lease a lost job may take to be there again."""
LEFT_SECONDS = 5.0
"""How long after its server a child may be there."""
PACED = {"LEASE_SECONDS": "4", "HEARTBEAT_SECONDS": "1", "KEEPER_SECONDS": "0.5"}


class Load(threading.Thread):
    """Submits job after job, each until it is acknowledged, whatever happens to the server meanwhile.

    An answer whose status is in ``refusals`` is counted and the job sent again; any other but 202 is a
    failure.
    """

    def __init__(self, server: RunningServer, jobs: int, refusals: Collection[int] = ()) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.jobs = jobs
        self.refusals = refusals
        self.acknowledged: list[str] = []
        self.refused: list[int] = []
        self.unexpected: list[str] = []
        self.progressed = threading.Condition()

    def run(self) -> None:
        picture = encoded(photo(1200, 900), quality=85)
        while len(self.acknowledged) < self.jobs and not self.unexpected:
            with suppress(httpx.TransportError):
                answer = httpx.post(
                    f"{self.server.url}/v1/jobs",
                    files={"file": ("photo.jpg", picture, "image/jpeg")},
                    data={"pipeline": PIPELINE},
                    headers={"Idempotency-Key": f"load-{len(self.acknowledged)}"},
                    timeout=30,
                )
                with self.progressed:
                    if answer.status_code == 202:
                        self.acknowledged.append(answer.json()["job_id"])
                    elif answer.status_code in self.refusals:
                        self.refused.append(answer.status_code)
                    else:
                        self.unexpected.append(answer.text)
                    self.progressed.notify_all()

    def wait_for(self, fact: Callable[[], bool]) -> None:
        """Until an answer makes it so."""
        with self.progressed:
            assert self.progressed.wait_for(lambda: self.unexpected or fact(), 60)
        assert not self.unexpected, self.unexpected

    def acknowledges(self, count: int) -> None:
        """Until so many are."""
        self.wait_for(lambda: len(self.acknowledged) >= min(count, self.jobs))


def under_load(server: RunningServer, fault: Callable[[], None]) -> Audit:
    """Faults while jobs come in, then all jobs to their end, then the sweep, then the audit."""
    load = Load(server, JOBS)
    load.start()
    faults = []
    for number in range(FAULTS):
        load.acknowledges((number + 1) * JOBS // (FAULTS + 1))
        faults.append(time.time())
        fault()
    load.join(120)
    found = ended(server, load, {"completed"})
    bound = float(server.env["LEASE_SECONDS"]) + LATE_SECONDS
    late = [each for each in recoveries(server.database, faults) if each > bound]
    found.recovered_late = len(late)
    return found


def ended(server: RunningServer, load: Load, states: Collection[str]) -> Audit:
    """Every job is waited for, ends in one of these states, and is alone with its key; then the audit."""
    assert not load.unexpected, load.unexpected
    assert len(set(load.acknowledged)) == load.jobs
    for job_id in load.acknowledged:
        job = wait_terminal(server, job_id)
        assert job["status"] in states, job
    assert server.stop() == 0
    sweep(server)
    with closing(sqlite3.connect(server.database)) as book:
        assert book.execute("SELECT count(*) FROM job").fetchone() == (load.jobs,)
    found = audit(server.database, server.folder / "uploads", server.folder / "outputs", load.acknowledged)
    end = time.monotonic() + LEFT_SECONDS
    while server.left_over() and time.monotonic() < end:
        time.sleep(0.02)
    found.processes_left = len(server.left_over())
    return found


def write_refused(server: RunningServer) -> set[tuple[str, int]]:
    """Jobs with the attempts whose write the log says was refused."""
    lines = [json.loads(line) for line in server.log.splitlines() if '"write refused"' in line]
    return {(line["job"], line["attempt"]) for line in lines}


def lost_attempts(server: RunningServer) -> set[tuple[str, int]]:
    """Attempts that were taken from a worker whose lease was over."""
    with closing(sqlite3.connect(server.database)) as book:
        taken = "SELECT job_id, attempt FROM event WHERE kind = 'job.queued' AND attempt > 0"
        return set(book.execute(taken))


def wait_terminal(server: RunningServer, job_id: str) -> dict[str, Any]:
    """The job once it has ended."""
    for _ in range(10):
        job: dict[str, Any] = httpx.get(f"{server.url}/v1/jobs/{job_id}?wait=10", timeout=30).json()
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
