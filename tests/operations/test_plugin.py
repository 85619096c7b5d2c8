"""A plug-in package is no different from what is built in."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.plugin import PLUGIN, install

USES_IT = """
import json, sys
from pixelflow.operations.registry import describe
from pixelflow.operations.pipeline import parse
from pixelflow.domain.errors import InvalidRequest
known = {one["name"]: one for one in describe()}
step = parse([{"id": "p", "action": "posterize", "levels": 2, "format": "png"}]).steps[0]
try:
    parse([{"id": "p", "action": "posterize", "levels": 65}])
    refused = ""
except InvalidRequest as error:
    refused = error.problems[0].allowed
api_is_clean = "pyvips" not in sys.modules
import numpy as np, pyvips
from pixelflow.operations.base import Context
ramp = pyvips.Image.new_from_array(np.arange(256, dtype=np.uint8)[None]).copy(interpretation="b-w")
made = step.operation.apply(ramp, Context()).numpy().ravel().tolist()
print(json.dumps([known.get("posterize"), refused, api_is_clean, made]))
"""

TWICE = """
from pixelflow.operations.registry import operations
try:
    operations()
except Exception as error:
    print(type(error).__name__, error)
"""


def installed(folder: Path, package: Path) -> dict[str, str]:
    """The environment of an interpreter that has the package installed in a folder of its own."""
    install(package, folder)
    return {**os.environ, "PYTHONPATH": str(folder)}


def output(program: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    pytest.importorskip("hatchling", reason="builds the plug-in without a network")
    pytest.importorskip("pip")
    return installed(tmp_path_factory.mktemp("plugins"), PLUGIN)


def test_an_installed_plug_in_is_described_checked_and_applied(environment):
    described, refused, api_is_clean, made = json.loads(output(USES_IT, environment))

    assert described["family"] == "colors"
    assert described["description"].startswith("Keep a few levels")
    assert described["parameters"]["properties"]["levels"]["maximum"] == 64
    assert described["parameters"]["properties"]["levels"]["description"].startswith("How many levels")
    assert refused == "2–64"
    assert api_is_clean
    np.testing.assert_array_equal(made, np.where(np.arange(256) < 128, 0, 255))


def test_without_it_there_is_no_such_operation():
    program = "from pixelflow.operations.registry import operations; print('posterize' in operations())"
    assert output(program, dict(os.environ)).strip() == "False"


def test_two_operations_of_one_name_stop_the_start(environment, tmp_path):
    (tmp_path / "second.py").write_text(
        "from pixelflow.operations.base import Operation\n"
        "class Again(Operation):\n"
        "    action = 'resize'\n"
        "    family = 'x'\n"
        "    def apply(self, image, context): return image\n"
        "OPERATIONS = [Again]\n"
    )
    metadata = tmp_path / "second-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: second\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[pixelflow.operations]\nagain = second:OPERATIONS\n")

    said = output(TWICE, {**os.environ, "PYTHONPATH": str(tmp_path)})

    assert "StartupError two operations are called 'resize'" in said
    assert "second" in said
