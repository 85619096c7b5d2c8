"""An installation without the extras: what needs one is refused with the command that installs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pixelflow

EXTRAS = {"heic": "heif", "jxl": "jxl", "pdf": "pdf"}
PACKAGES = ("pillow_heif", "_pillow_heif", "pillow_jxl", "pypdfium2")
HEADS = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "jxl": b"\xff\x0a\x7a\x1d",
    "pdf": b"%PDF-1.7\n",
}
ASKED = """
import json, sys
from pathlib import Path
from harness.site import served
heads = {name: bytes.fromhex(head) for name, head in json.loads(sys.argv[2]).items()}
with served(Path(sys.argv[1])) as site:
    step = {"id": "s", "action": "thumbnail", "width": 10}
    answers = {
        "uploads": {
            name: site.client.post("/v1/assets", content=head + bytes(200)) for name, head in heads.items()
        },
        "steps": {
            name: site.client.post("/v1/jobs", json={"pipeline": [step | {"format": name}]})
            for name in ("heic", "jxl", "apng")
        },
    }
    told = {
        kind: {name: [answer.status_code, answer.json()] for name, answer in given.items()}
        for kind, given in answers.items()
    }
    print(json.dumps(told | {"formats": site.client.get("/v1/formats").json()["formats"]}))
"""


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Where modules are found: all packages that are here but those of the extras."""
    folder = tmp_path_factory.mktemp("packages")
    for place in [Path(place) for place in sys.path if place.endswith("site-packages")]:
        for package in place.iterdir():
            link = folder / package.name
            if not package.name.startswith(PACKAGES) and not link.exists():
                link.symlink_to(package)
    return [str(folder), str(Path(pixelflow.__file__).parents[1]), str(Path(__file__).parents[1])]


@pytest.fixture(scope="module")
def told(without: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    heads = json.dumps({name: head.hex() for name, head in HEADS.items()})
    said = ran(without, "-c", ASKED, str(tmp_path_factory.mktemp("site")), heads)
    return json.loads(said.splitlines()[-1])


def ran(without: list[str], *arguments: str) -> str:
    paths = f"import sys; sys.path[1:1] = {without!r}"
    if arguments[0] == "-c":
        arguments = ("-c", f"{paths}\n{arguments[1]}", *arguments[2:])
    else:
        words = ["pixelflow", *arguments]
        arguments = ("-c", f"{paths}; sys.argv = {words!r}\nfrom pixelflow.cli.main import main; main()")
    done = subprocess.run([sys.executable, "-S", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", EXTRAS)
def test_an_upload_is_refused(told: dict[str, Any], name: str) -> None:
    status, problem = told["uploads"][name]
    install = f"pip install 'pixelflow-server[{EXTRAS[name]}]'"
    assert (status, problem["code"], problem["found"]) == (415, "unsupported_image", name)
    assert (problem["extra"], problem["install"]) == (EXTRAS[name], install)
    assert install in problem["detail"]
    assert name not in problem["allowed"]


def test_what_a_setting_allows_is_refused_with_its_name(told: dict[str, Any]) -> None:
    status, problem = told["uploads"]["svg"]
    assert (status, problem["found"], problem["setting"]) == (415, "svg", "ALLOW_SVG")
    assert "set ALLOW_SVG=true" in problem["detail"]


@pytest.mark.parametrize("name", ["heic", "jxl"])
def test_a_step_is_refused(told: dict[str, Any], name: str) -> None:
    status, problem = told["steps"][name]
    assert status == 422
    (error,) = problem["errors"]
    assert (error["step"], error["field"], error["value"]) == ("s", "format", name)
    assert f"pip install 'pixelflow-server[{EXTRAS[name]}]'" in error["message"]


def test_what_needs_none_is_not(told: dict[str, Any]) -> None:
    assert told["steps"]["apng"][0] == 201


def test_the_list_says_so(told: dict[str, Any], without: list[str]) -> None:
    rows = {row["name"]: row for row in told["formats"]}
    for name, extra in EXTRAS.items():
        assert (rows[name]["reads"], rows[name]["writes"], rows[name]["extra"]) == (False, False, extra)
    assert rows["jpeg"]["reads"]
    assert rows["jpeg"]["writes"]
    assert json.loads(ran(without, "formats", "--json"))["formats"] == told["formats"]
