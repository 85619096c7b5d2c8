"""A server as its operator sees it: what it says, what it counts, how it is steered while it works."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.pictures import encoded, photo
from harness.server import RunningServer, free_port, running_server

QUICK = [{"id": "small", "action": "thumbnail", "width": 100, "format": "webp"}]
SLOW = [{"id": "slow", "action": "blur", "sigma": 60, "format": "avif", "effort": 9}]
PATIENCE_SECONDS = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, WORKER_POOL_SIZE="1", HEARTBEAT_SECONDS="0.5") as running:
        yield running


def until(fact: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not fact():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def submit(server: RunningServer, pipeline: list[dict[str, object]], side: int = 400) -> str:
    picture = encoded(photo(side, side), "JPEG")
    made = httpx.post(
        f"{server.url}/v1/jobs", files={"file": picture}, data={"pipeline": json.dumps(pipeline)}, timeout=30
    )
    assert made.status_code == 202, made.text
    found: str = made.json()["id"]
    return found


def job(server: RunningServer, job_id: str, wait: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{server.url}/v1/jobs/{job_id}?wait={wait}", timeout=60).json()
    return found


def test_it_says_in_four_lines_what_runs(server: RunningServer) -> None:
    said = server.log.splitlines()[:4]
    assert said[0].startswith("PixelFlow ")
    assert server.url in said[0]
    assert str(server.database) in said[1]
    assert said[2].startswith("Workers: 1 decoder")
    assert said[3].startswith("Cage: ")


def test_27_it_says_so_when_private_networks_are_opened(tmp_path: Path) -> None:
    with running_server(tmp_path, EGRESS_ALLOW="10.0.0.0/8, ::1") as opened:
        assert "EGRESS_ALLOW opens 10.0.0.0/8, ::1/128 to " in opened.log.splitlines()[4]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells it")
def test_it_may_open_as_many_files_as_the_system_allows(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with running_server(tmp_path, WORKER_POOL_SIZE="1") as server:
            limits = Path(f"/proc/{server.pid}/limits").read_text()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    found = re.search(r"Max open files +(\d+) +(\d+)", limits)
    assert found is not None
    assert found[1] == found[2]


def test_invented_methods_share_one_series(server: RunningServer) -> None:
    for method in ("BREW", "WHEN"):
        assert httpx.request(method, f"{server.url}/v1/jobs").status_code == 405

    text = httpx.get(f"{server.url}/metrics").text

    assert 'method="other"' in text
    assert "BREW" not in text


def test_every_duty_of_the_keeper_is_told_with_its_figures(server: RunningServer) -> None:
    def duties() -> dict[str, dict[str, Any]]:
        answer = httpx.get(f"{server.url}/readyz").json()
        return {check["name"]: check for check in answer["checks"] if check["name"].startswith("keeper.")}

    until(lambda: all(each["facts"]["last_run"] for each in duties().values()), "a duty never ran")

    assert {"keeper.rescue", "keeper.ring", "keeper.sweep_files"} <= duties().keys()
    assert all(each["good"] and not each["vital"] for each in duties().values())
    text = httpx.get(f"{server.url}/metrics").text
    for name in ("period_seconds", "last_run_timestamp_seconds", "last_seconds", "lag_seconds", "failures"):
        assert f'pixelflow_keeper_{name}{{duty="rescue"}}' in text


def test_metrics_tell_states_phases_and_routes(server: RunningServer) -> None:
    assert job(server, submit(server, QUICK), wait=30)["status"] == "completed"
    text = httpx.get(f"{server.url}/metrics").text
    assert 'pixelflow_jobs{state="completed"} 1.0' in text
    assert "pixelflow_queue_depth 0.0" in text
    assert 'pixelflow_slots{state="idle"} 1.0' in text
    assert 'pixelflow_jobs_ended_total{code="",state="completed"} 1.0' in text
    phases = set(re.findall(r'pixelflow_phase_seconds_count\{phase="(\w+)"\} 1.0', text))
    assert {"waiting", "decode", "thumbnail", "encode", "storing"} <= phases
    assert 'route="/v1/jobs/{job_id}",status="200"' in text


def test_logs_name_job_and_attempt_and_no_secret(server: RunningServer) -> None:
    answer = httpx.post(f"{server.url}/v1/jobs", json={"source_type": "upload", "pipeline": QUICK})
    created = answer.json()
    upload = created["upload"]["url"]
    assert httpx.put(upload, content=encoded(photo(300, 200), "JPEG")).status_code < 300
    assert httpx.post(f"{server.url}/v1/jobs/{created['id']}/start").status_code == 202
    assert job(server, created["id"], wait=30)["status"] == "completed"
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    mine = [line for line in lines if line.get("job") == created["id"]]
    assert [line["event"] for line in mine] == ["job accepted", "job completed"]
    assert mine[0]["request"] == answer.headers["x-request-id"]
    assert mine[1]["attempt"] == 1
    secret = (server.database.parent / "signing.key").read_text().strip().partition(":")[2]
    signature = httpx.URL(upload).params["signature"]
    assert secret not in server.log
    assert signature not in server.log


def test_the_pool_is_resized_by_call_and_by_signal(server: RunningServer) -> None:
    assert len(server.children()) == 1
    assert httpx.post(f"{server.url}/v1/admin/pool", json={"size": 3}, timeout=30).status_code == 200
    until(lambda: len(server.children()) == 3, "two more decoders")
    os.kill(server.pid, signal.SIGTTOU)
    until(lambda: len(server.children()) == 2, "one fewer")
    os.kill(server.pid, signal.SIGTTIN)
    until(lambda: len(server.children()) == 3, "one more")
    assert job(server, submit(server, QUICK), wait=30)["status"] == "completed"


def test_three_crashes_quarantine_and_retry_releases(server: RunningServer) -> None:
    job_id = submit(server, SLOW, side=2400)
    for attempt in (1, 2, 3):
        until(
            lambda attempt=attempt: job(server, job_id)["attempt"] == attempt and bool(server.children()),
            "the attempt to begin",
        )
        kill_the_decoder_at_work(server)
    found = job(server, job_id, wait=30)
    assert (found["status"], found["attempt"], found["error"]["code"]) == ("quarantined", 3, "crash")
    assert [path for path in (server.folder / "uploads").rglob("*") if path.is_file()]
    assert httpx.post(f"{server.url}/v1/jobs/{job_id}/retry").status_code == 202
    until(lambda: job(server, job_id)["attempt"] == 4, "the fourth attempt")
    assert httpx.post(f"{server.url}/v1/jobs/{job_id}/cancel").status_code == 200


def kill_the_decoder_at_work(server: RunningServer) -> None:
    def busy() -> list[int]:
        ticks = {pid: cpu_ticks(pid) for pid in server.children()}
        return [pid for pid, spent in ticks.items() if spent > 60]

    until(lambda: bool(busy()), "a decoder at work")
    os.kill(busy()[0], signal.SIGSEGV)


def cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def test_cancelling_a_running_job_kills_its_decoder(server: RunningServer) -> None:
    job_id = submit(server, SLOW, side=3000)
    until(lambda: job(server, job_id)["status"] == "processing", "the start")
    (decoder,) = server.children()
    assert httpx.post(f"{server.url}/v1/jobs/{job_id}/cancel").status_code == 200
    began = time.monotonic()
    until(lambda: decoder not in server.children(), "the decoder's end")
    assert time.monotonic() - began < 5
    assert job(server, job_id)["status"] == "cancelled"
    assert job(server, submit(server, QUICK), wait=30)["status"] == "completed"


def test_a_second_server_on_the_same_data_is_refused(server: RunningServer) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pixelflow", "serve", "--port", str(free_port())],
        env={**os.environ, "DB_PATH": str(server.database)},
        cwd=server.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert str(server.database) in done.stderr
    assert str(server.pid) in done.stderr
    assert "Traceback" not in done.stderr
