"""``pixelflow demo``: the first minute."""

import subprocess
from pathlib import Path

from PIL import Image

from harness.command import Command
from harness.server import RunningServer

PHOTO = Path(__file__).parents[2] / "examples" / "kodim23.png"
SIDES = {
    "web.webp": (768, 512),
    "small.avif": (768, 512),
    "card.jpg": (400, 267),
    "square.webp": (150, 150),
    "postcard.jpg": (768, 512),
}


def test_five_pictures_out_of_one(pixelflow: Command, tmp_path: Path) -> None:
    done = pixelflow("demo", PHOTO, "--output", "demo-output")
    assert done.returncode == 0, done.stderr
    for name, sides in SIDES.items():
        with Image.open(tmp_path / "demo-output" / name) as opened:
            assert opened.size == sides
        assert f"demo-output/{name}" in done.stdout
    assert "100%" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["demo-output"]
    assert not servers(tmp_path)


def test_the_lines_to_try_next_work(pixelflow: Command, server: RunningServer, tmp_path: Path) -> None:
    shown = pixelflow("demo", PHOTO).stdout
    lines = shown.partition("in another terminal:")[2].replace("http://127.0.0.1:8080", server.url)
    subprocess.run(["sh", "-euc", lines], cwd=tmp_path, check=True, capture_output=True)
    with Image.open(tmp_path / "thumb.webp") as opened:
        assert opened.size == (300, 200)


def test_a_photo_that_is_not_there(pixelflow: Command, tmp_path: Path) -> None:
    done = pixelflow("demo", "nothing.jpg")
    assert done.returncode == 2
    assert "there is no file 'nothing.jpg'" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_photo_that_is_none(pixelflow: Command, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture at all, only words in a file")
    done = pixelflow("demo", "text.jpg")
    assert done.returncode == 1
    assert "not an image" in done.stderr
    assert not servers(tmp_path)


def servers(folder: Path) -> list[str]:
    """Processes of servers that a command in this folder left behind."""
    found = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    left = [line for line in found.splitlines() if "pixelflow serve" in line and "pixelflow-demo-" in line]
    return [line for line in left if Path(f"/proc/{line.split()[0]}/cwd").resolve() == folder]
