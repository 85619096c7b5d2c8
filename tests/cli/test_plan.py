"""``pixelflow plan``: what would come out, told without making it."""

import json
from pathlib import Path

import pytest

from harness.command import Command


def test_a_file_is_planned_for_by_its_header(pixelflow: Command, album: Path) -> None:
    done = pixelflow("plan", album / "b.png", "-p", "rotate:angle=90", "-p", "thumbnail:width=40,format=webp")

    assert done.returncode == 0, done.stderr
    assert "200 × 100" in done.stdout
    assert "40 × 80" in done.stdout
    assert list(album.glob("b*")) == [album / "b.png"]


def test_what_is_told_is_what_comes_out(pixelflow: Command, album: Path, tmp_path: Path) -> None:
    steps = ["-p", "border:width=7,format=png", "-p", "rotate:angle=33,format=webp"]
    told = json.loads(pixelflow("plan", album / "a.jpg", *steps, "--json").stdout)
    made = json.loads(pixelflow("process", album / "a.jpg", "-o", tmp_path / "out", *steps, "--json").stdout)

    names = ("width", "height", "format")
    assert [[each[name] for name in names] for each in told["outputs"]] == [
        [each[name] for name in names] for each in made["outputs"]
    ]


def test_a_description_will_do(pixelflow: Command) -> None:
    done = pixelflow("plan", "--source", "400x300,gif,frames=8", "-p", "resize:width=100", "--json")

    (output,) = json.loads(done.stdout)["outputs"]
    assert {**output, "bytes": 0, "cpu_seconds": 0, "memory_bytes": 0} == {
        "id": "resize",
        "format": "gif",
        "width": 100,
        "height": 75,
        "alpha": None,
        "frames": 8,
        "bytes": 0,
        "cpu_seconds": 0,
        "memory_bytes": 0,
    }


def test_without_a_picture_what_holds_for_all_is_told(pixelflow: Command) -> None:
    done = pixelflow(
        "plan", "-p", "resize:width=100,height=50,fit=fill,enlarge=true,format=jpeg", "-p", "info"
    )

    assert done.returncode == 0, done.stderr
    assert "100 × 50" in done.stdout


def test_warnings_come_with_a_way_out_and_failures_with_an_exit_code(pixelflow: Command) -> None:
    warned = pixelflow("plan", "--source", "90x90,png,alpha=true", "-p", "flip:axis=both,format=jpeg")
    failing = pixelflow("plan", "--source", "90x90,png", "-p", "crop:x=80,width=20")

    assert warned.returncode == 0
    assert "alpha_lost" in warned.stderr
    assert "background" in warned.stderr
    assert failing.returncode == 1
    assert "cannot_be_done" in failing.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.jpg", "-p", "info"], "there is no file"),
        (["nowhere.jpg", "--source", "1x1,png", "-p", "info"], "not both"),
        (["--source", "400,png", "-p", "info"], "height"),
        (["--source", "4x4,docx", "-p", "info"], "format"),
        (["--source", "4x4", "-p", "info"], "format"),
        (["--source", "4x4,png,frames=x", "-p", "info"], "frames"),
        (["--source", "4x4,png", "-p", "sparkle"], "sparkle"),
    ],
)
def test_mistakes_are_told(pixelflow: Command, arguments: list[str], words: str) -> None:
    done = pixelflow("plan", *arguments)

    assert done.returncode == 2
    assert words in done.stderr


def test_a_file_that_is_no_picture_is_told(pixelflow: Command, album: Path) -> None:
    done = pixelflow("plan", album / "notes.txt", "-p", "info")

    assert done.returncode == 1
    assert "not an image" in done.stderr
