"""Pictures that kill their decoder, among good ones."""

import json
import statistics
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.load import PACED, wait_terminal
from harness.pictures import encoded, photo
from harness.plugin import environment
from harness.server import RunningServer, running_server

GOOD = 30
POISON = 3
MOST_TIMES = 2.0
TRIES = 3
"""A machine that does something else meanwhile is given another chance."""
NOISE_SECONDS = 0.3
"""What a fork of a new decoder, and a loaded machine, may add to a time that is some tens of milliseconds."""
PROJECT = """
[build-system]
requires = ["hatchling>=1.32"]
build-backend = "hatchling.build"
[project]
name = "pixelflow-poison"
version = "1"
[project.entry-points."pixelflow.operations"]
poison = "pixelflow_poison:OPERATIONS"
"""
CODE = '''
from __future__ import annotations
import os
from pixelflow.operations.base import Context, Operation

class Poison(Operation):
    """Ends its decoder, as a flaw in a codec would."""

    action = "poison"
    family = "colors"

    def apply(self, image: object, context: Context) -> object:
        """Never comes back."""
        os.abort()

OPERATIONS = [Poison]
'''


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    package = tmp_path_factory.mktemp("package")
    (package / "pyproject.toml").write_text(PROJECT)
    (package / "pixelflow_poison.py").write_text(CODE)
    return environment(tmp_path_factory.mktemp("environment"), package)


def test_poison_is_quarantined_and_good_pictures_hardly_notice(python: str, tmp_path: Path) -> None:
    with running_server(tmp_path, python=python, **PACED, STEP_CACHE="false") as server:
        slower: list[float] = []
        while len(slower) < TRIES and not (slower and slower[-1] <= 0):
            alone = p95(server)
            poisoned = [poison(server) for _ in range(POISON)]
            slower.append(p95(server) - MOST_TIMES * alone - NOISE_SECONDS)
            ends = [wait_terminal(server, job_id) for job_id in poisoned]
            assert [end["status"] for end in ends] == ["quarantined"] * POISON
            assert {end["error"]["code"] for end in ends} == {"crash"}
            assert {end["attempt"] for end in ends} == {3}
        for end in ends:
            assert end["source"]["bytes"]
            again = httpx.post(f"{server.url}/v1/jobs/{end['id']}/retry", timeout=30)
            assert again.json()["status"] == "queued"
    assert min(slower) <= 0


def p95(server: RunningServer) -> float:
    """Seconds of good jobs, one after the other."""
    return statistics.quantiles([taken(server, good(server)) for _ in range(GOOD)], n=20)[-1]


def good(server: RunningServer) -> str:
    return submit(server, {"id": "small", "action": "thumbnail", "width": 120, "format": "jpeg"})


def poison(server: RunningServer) -> str:
    return submit(server, {"id": "p", "action": "poison"})


def submit(server: RunningServer, step: dict[str, Any]) -> str:
    made = httpx.post(
        f"{server.url}/v1/jobs",
        files={"file": encoded(photo(640, 480))},
        data={"pipeline": json.dumps([step])},
        timeout=30,
    )
    assert made.status_code == 202, made.text
    job_id: str = made.json()["id"]
    return job_id


def taken(server: RunningServer, job_id: str) -> float:
    """Seconds from its creation to its end."""
    job = wait_terminal(server, job_id)
    assert job["status"] == "completed", job
    begun, ended = (datetime.fromisoformat(job[name]) for name in ("created_at", "finished_at"))
    return (ended - begun).total_seconds()
