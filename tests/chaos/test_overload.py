"""Ten times more work than can be done: refused in order, in bounded memory, and over when it is over.

``OVERLOAD_SECONDS`` in the environment makes it longer.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness.audit import audit
from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server

SECONDS = float(os.environ.get("OVERLOAD_SECONDS", "4"))
SENDERS = 12
DEPTH = 30
RECOVERY_SECONDS = 30.0
MAX_GROWTH_BYTES = 192 * 1024 * 1024
"""What twelve uploads at once may take, with what the threads' allocators keep of it."""
MAX_CREEP_BYTES = 32 * 1024 * 1024
"""What the second half may take beyond the first: what grows with the time would go on."""
PIPELINE = '[{"id": "large", "action": "resize", "width": 1000, "format": "webp", "quality": 80}]'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    env = {"MAX_QUEUE_DEPTH": str(DEPTH), "WORKER_POOL_SIZE": "1", "STEP_CACHE": "false"}
    with running_server(tmp_path, **env) as running:
        yield running


class Crowd:
    """Clients that send as fast as they are answered and heed nothing."""

    def __init__(self, server: RunningServer, picture: bytes) -> None:
        self.server, self.picture = server, picture
        self.statuses: Counter[int] = Counter()
        self.waits: list[int] = []
        self.accepted: list[str] = []
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join(60)

    def _send(self) -> None:
        with httpx.Client(base_url=self.server.url, timeout=30) as client:
            while not self.over.is_set():
                answer = submit(client, self.picture)
                with self._lock:
                    self.statuses[answer.status_code] += 1
                    if answer.status_code == 202:
                        self.accepted.append(answer.json()["id"])
                    else:
                        self.waits.append(int(answer.headers.get("retry-after", "-1")))


def submit(client: httpx.Client, picture: bytes) -> httpx.Response:
    return client.post("/v1/jobs", files={"file": picture}, data={"pipeline": PIPELINE})


def resident(server: RunningServer) -> int:
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def test_ten_times_overload_is_refused_and_leaves_nothing(server: RunningServer) -> None:
    picture = encoded(photo(2000, 1500), "JPEG", quality=90)
    with httpx.Client(base_url=server.url, timeout=30) as client:
        first = submit(client, picture).json()["id"]
        assert client.get(f"/v1/jobs/{first}?wait=30").json()["status"] == "completed"
        crowd = Crowd(server, picture)
        before = resident(server)
        crowd.start()
        most = [before, before]
        for half in (0, 1):
            end = time.monotonic() + SECONDS / 2
            while time.monotonic() < end:
                most[half] = max(most[half], resident(server))
                crowd.over.wait(0.05)
        crowd.stop()
        ended = time.monotonic()
        assert set(crowd.statuses) <= {202, 429, 503}, crowd.statuses
        assert crowd.statuses[503] > crowd.statuses[202], "there was no overload"
        assert all(1 <= wait <= 60 for wait in crowd.waits)
        assert max(most) - before < MAX_GROWTH_BYTES, (before, most)
        assert most[1] - most[0] < MAX_CREEP_BYTES, (before, most)
        answer = submit(client, picture)
        while answer.status_code == 503 and time.monotonic() - ended < RECOVERY_SECONDS:
            crowd.over.clear()
            crowd.over.wait(min(2.0, float(answer.headers["retry-after"])))
            answer = submit(client, picture)
        assert answer.status_code == 202, answer.text
        last = answer.json()["id"]
        accepted = [first, *crowd.accepted, last]
        for job_id in accepted:
            assert client.get(f"/v1/jobs/{job_id}?wait=60").json()["status"] == "completed"
    assert server.stop() == 0
    found = audit(server.database, server.folder / "uploads", server.folder / "outputs", accepted)
    assert found.clean, found
