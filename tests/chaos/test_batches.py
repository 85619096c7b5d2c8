"""A server that is killed while it makes jobs of a batch loses no line and doubles none."""

import json
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server

LINES = int(os.environ.get("CHAOS_BATCH", "120"))
KILLS = int(os.environ.get("CHAOS_KILLS", "3"))
PIPELINE = [{"id": "thumb", "action": "thumbnail", "width": 40, "format": "webp"}]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    paced = {"LEASE_SECONDS": "4", "HEARTBEAT_SECONDS": "1", "KEEPER_SECONDS": "0.2"}
    with running_server(tmp_path, STEP_CACHE="false", **paced) as running:
        yield running


def test_every_line_has_one_job_and_the_end_is_told_once(server: RunningServer) -> None:
    asset = httpx.post(f"{server.url}/v1/assets", content=encoded(photo(160, 120)), timeout=30).json()["id"]
    sources = [{"asset_id": asset, "metadata": {"line": number}} for number in range(LINES)]
    body = {"pipeline": PIPELINE, "sources": sources, "max_in_flight": 7}
    batch = httpx.post(f"{server.url}/v1/batches", json=body, timeout=30).json()
    for kill in range(KILLS):
        wait_ended(server, batch["id"], LINES * (kill + 1) // (KILLS + 2))
        server.kill_group()
        server.start()
    done = wait_ended(server, batch["id"], LINES)
    assert (done["status"], done["counts"]["completed"], done["progress"]) == ("completed", LINES, 100)
    assert server.stop() == 0
    with closing(sqlite3.connect(server.database)) as book:
        jobs = book.execute("SELECT state, metadata FROM job WHERE batch_id = ?", [batch["id"]]).fetchall()
        ends = book.execute("SELECT count(*) FROM event WHERE kind = 'batch.completed'").fetchone()
    assert Counter(json.loads(metadata)["line"] for _, metadata in jobs) == Counter(range(LINES))
    assert {state for state, _ in jobs} == {"completed"}
    assert ends == (1,)


def wait_ended(server: RunningServer, batch_id: str, lines: int) -> dict[str, object]:
    """Look until so many lines have ended."""
    for _ in range(2000):
        batch = httpx.get(f"{server.url}/v1/batches/{batch_id}", timeout=30).json()
        counts = batch["counts"]
        if LINES - counts["pending"] - counts["in_flight"] >= lines:
            found: dict[str, object] = batch
            return found
        threading.Event().wait(0.05)
    raise AssertionError(f"the batch does not go on: {batch}")
