"""The commands that say what there is: version, operations, formats, doctor; and help."""

import json
import socket
import time
from pathlib import Path

import pytest

from harness.command import Command
from pixelflow import __version__
from pixelflow.domain.media import FORMATS
from pixelflow.operations.registry import operations


def test_help_names_every_command_and_is_quick(pixelflow: Command) -> None:
    begun = time.monotonic()
    done = pixelflow("--help")
    assert time.monotonic() - begun < 5
    commands = ("serve", "process", "plan", "submit", "operations", "formats", "doctor", "demo", "version")
    for command in commands:
        assert f" {command} " in done.stdout


def test_help_and_serve_load_nothing_that_they_do_not_need(pixelflow: Command) -> None:
    done = pixelflow("--help", PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert loaded.isdisjoint({"httpx", "fastapi", "pyvips", "pydantic", "sqlalchemy", "numpy"})


def test_version(pixelflow: Command) -> None:
    assert pixelflow("version").stdout.startswith(f"pixelflow {__version__} (Python 3.")
    assert json.loads(pixelflow("version", "--json").stdout)["pixelflow"] == __version__


def test_operations(pixelflow: Command) -> None:
    table = pixelflow("operations").stdout
    listed = json.loads(pixelflow("operations", "--json").stdout)["operations"]
    assert {each["name"] for each in listed} == set(operations())
    for name in operations():
        assert f"\n{name} " in table
    one = pixelflow("operations", "blur")
    assert "sigma" in one.stdout
    assert "0.3 to 250" in one.stdout
    assert (
        "properties"
        in json.loads(pixelflow("operations", "blur", "--json").stdout)["operations"][0]["parameters"]
    )
    unknown = pixelflow("operations", "sparkle")
    assert unknown.returncode == 2
    assert "there is no operation 'sparkle'; there are: adjust, " in unknown.stderr


def test_formats(pixelflow: Command) -> None:
    listed = json.loads(pixelflow("formats", "--json").stdout)["formats"]
    assert [each["name"] for each in listed] == [known.name for known in FORMATS]
    assert "\nwebp " in pixelflow("formats").stdout


def test_the_doctor_finds_a_sound_installation(pixelflow: Command) -> None:
    done = pixelflow("doctor", "--json", PORT="0")
    report = json.loads(done.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert done.returncode == 0, done.stdout
    assert report["ok"]
    assert checks["pixelflow"]["detail"] == __version__
    assert checks["libvips"]["detail"].startswith("8.")
    assert {check["name"] for check in report["checks"] if check["part"] == "cage"} >= {"landlock", "seccomp"}
    assert checks["store"]["detail"] == "sqlite://"
    assert {"jpeg", "avif", "jp2"} <= set(checks["read"]["detail"].split(", "))
    assert checks["svg"]["detail"] == "it is switched off: set ALLOW_SVG=true"
    assert "PixelFlow can run here." in pixelflow("doctor", PORT="0").stdout


def test_the_doctor_says_what_is_broken_and_what_to_do(pixelflow: Command, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file where a folder should be")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        done = pixelflow("doctor", PORT=port, UPLOAD_DIR="occupied", MIN_FREE_BYTES=str(10**18))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stdout
    assert "set PORT to a free one" in done.stdout
    assert "✗ UPLOAD_DIR: cannot write to" in done.stdout
    assert "MIN_FREE_BYTES" in done.stdout
    assert "Something essential is broken." in done.stdout


def test_the_doctor_warns_when_the_cage_is_off(pixelflow: Command) -> None:
    done = pixelflow("doctor", "--json", PORT="0", SANDBOX="off")
    cage = [check for check in json.loads(done.stdout)["checks"] if check["part"] == "cage"]
    assert {check["state"] for check in cage} == {"warning"}
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"PORT": "70000"}, "PORT is '70000': "),
        ({"WORKER_POOL_SIZE": "0"}, "allowed: 1 to 1024"),
        ({"SANDBOX": "maybe"}, "allowed: auto, required, off"),
        ({"LEASE_SECONDS": "-1"}, "allowed: more than 0"),
    ],
)
def test_a_setting_out_of_range_is_told_by_name_value_and_range(
    pixelflow: Command, env: dict[str, str], words: str
) -> None:
    done = pixelflow("serve", **env)
    assert done.returncode == 2
    assert words in done.stderr
    [(name, value)] = env.items()
    assert f"{name} is '{value}'" in done.stderr


def test_a_start_that_cannot_be_says_why(pixelflow: Command) -> None:
    done = pixelflow("serve", "--host", "0.0.0.0")
    assert done.returncode == 1
    assert "loopback only" in done.stderr
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        done = pixelflow("serve", "--port", port)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
