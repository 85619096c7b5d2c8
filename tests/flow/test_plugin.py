"""A plug-in, once installed, is everywhere: in the list, the API's document, the commands and a job."""

import json
import subprocess
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from harness.pictures import encoded, photo
from harness.plugin import PLUGIN, environment
from harness.server import running_server

STEP = {"id": "p", "action": "posterize", "levels": 2, "format": "png"}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An environment of its own with the plug-in, and all that this one has."""
    return environment(tmp_path_factory.mktemp("environment"), PLUGIN)


def test_it_is_in_a_job_and_in_every_list(python: str, tmp_path: Path) -> None:
    with running_server(tmp_path, python=python) as server, httpx.Client(base_url=server.url) as client:
        listed = {one["name"]: one for one in client.get("/v1/operations").json()["operations"]}
        assert listed["posterize"]["parameters"]["properties"]["levels"]["maximum"] == 64
        assert "posterize" in client.get("/openapi.json").text
        picture = encoded(photo(120, 80), "PNG")
        form = {"pipeline": json.dumps([STEP])}
        made = client.post("/v1/jobs", files={"file": picture}, data=form).json()
        job = client.get(f"/v1/jobs/{made['id']}?wait=30", timeout=60).json()
        assert job["status"] == "completed", job
        result = np.asarray(Image.open(BytesIO(client.get(job["outputs"][0]["url"]).content)))
    assert set(np.unique(result)) <= {0, 255}
    assert result.std() > 0


def test_it_is_among_the_commands(python: str) -> None:
    command = [python, "-m", "pixelflow", "operations", "posterize", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [one["name"] for one in json.loads(done.stdout)["operations"]] == ["posterize"]
