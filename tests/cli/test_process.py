"""``pixelflow process``: files, folders and streams through a pipeline, without a server."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from harness.command import Command
from harness.pictures import encoded, photo

THUMB = "thumbnail:width=80,format=webp"


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def sides(path: Path) -> tuple[int, int]:
    with Image.open(path) as opened:
        return opened.size


def test_a_folder_keeps_its_shape(pixelflow: Command, album: Path, tmp_path: Path) -> None:
    done = pixelflow("process", album, "-o", tmp_path / "out", "-p", THUMB)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    assert files(out) == ["a_thumbnail.webp", "b_thumbnail.webp", "rome/a_thumbnail.webp"]
    assert sides(out / "a_thumbnail.webp") == (80, 60)
    assert sides(out / "rome" / "a_thumbnail.webp") == (80, 107)
    assert "80 × 60" in done.stdout
    assert "3 of 3 pictures done" in done.stderr


def test_several_steps_from_a_file(pixelflow: Command, album: Path, tmp_path: Path) -> None:
    pipeline = tmp_path / "steps.json"
    pipeline.write_text(
        json.dumps(
            [
                {"id": "small", "action": "thumbnail", "width": 100, "output": False},
                {"id": "grey", "action": "grayscale", "from": "small", "format": "jpeg"},
                {"id": "facts", "action": "info"},
            ]
        )
    )
    done = pixelflow(
        "process", album / "a.jpg", "-o", "out", "-p", pipeline, "-p", "flip:axis=horizontal,format=png"
    )
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "out") == ["a_facts.json", "a_flip.png", "a_grey.jpg"]
    assert json.loads((tmp_path / "out" / "a_facts.json").read_text())["width"] == 320


def test_standard_input(pixelflow: Command, tmp_path: Path) -> None:
    done = pixelflow("process", "-", "-o", "out", "-p", THUMB, stdin=encoded(photo(160, 80)))
    assert done.returncode == 0, done.stderr
    assert sides(tmp_path / "out" / "stdin_thumbnail.webp") == (80, 40)


def test_json_has_one_document_a_picture(pixelflow: Command, album: Path, tmp_path: Path) -> None:
    (album / "cut.jpg").write_bytes((album / "a.jpg").read_bytes()[:3000])
    done = pixelflow("process", album, "-o", "out", "-p", THUMB, "--json")
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    documents = {str(Path(each["input"]).relative_to(album)): each for each in reports}
    assert done.returncode == 1
    assert documents.keys() == {"a.jpg", "b.png", "cut.jpg", "rome/a.jpg"}
    good = documents["a.jpg"]
    [output] = good["outputs"]
    path = Path(tmp_path, output["path"])
    assert (good["status"], good["error"], good["skipped"]) == ("completed", None, [])
    assert (output["step"], output["format"], output["width"], output["height"]) == (
        "thumbnail",
        "webp",
        80,
        60,
    )
    assert output["bytes"] == path.stat().st_size
    bad = documents["cut.jpg"]
    assert (bad["status"], bad["outputs"], bad["error"]["code"]) == ("failed", [], "corrupt")
    assert good["seconds"] > 0


def test_a_picture_that_fails_leaves_the_others_and_nothing_of_itself(
    pixelflow: Command, album: Path, tmp_path: Path
) -> None:
    (album / "cut.jpg").write_bytes((album / "a.jpg").read_bytes()[:3000])
    done = pixelflow("process", album, "-o", "out", "-p", THUMB)
    assert done.returncode == 1
    assert f"{album}/cut.jpg, step thumbnail failed: " in done.stderr
    assert "3 of 4 pictures done" in done.stderr
    assert files(tmp_path / "out") == ["a_thumbnail.webp", "b_thumbnail.webp", "rome/a_thumbnail.webp"]


def test_a_step_may_be_skipped(pixelflow: Command, album: Path, tmp_path: Path) -> None:
    steps = [
        {"id": "part", "action": "crop", "x": 5000, "y": 0, "width": 10, "height": 10, "on_error": "skip"},
        {"id": "thumb", "action": "thumbnail", "width": 80, "format": "webp"},
    ]
    done = pixelflow("process", album / "a.jpg", "-o", "out", "-p", json.dumps(steps), "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert [each["step"] for each in report["skipped"]] == ["part"]
    assert files(tmp_path / "out") == ["a_thumb.webp"]


def test_an_earlier_result_is_replaced_and_an_input_never(
    pixelflow: Command, album: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a_thumbnail.webp").write_bytes(b"an earlier result")
    assert pixelflow("process", album / "a.jpg", "-o", out, "-p", THUMB).returncode == 0
    assert sides(out / "a_thumbnail.webp") == (80, 60)

    kept = encoded(photo(50, 50), "WEBP")
    (album / "a_thumbnail.webp").write_bytes(kept)
    done = pixelflow("process", album / "a.jpg", album / "a_thumbnail.webp", "-o", album, "-p", THUMB)
    assert done.returncode == 1
    assert "would replace an input" in done.stderr
    assert (album / "a_thumbnail.webp").read_bytes() == kept


def test_two_pictures_of_one_name_get_two_results(pixelflow: Command, album: Path, tmp_path: Path) -> None:
    done = pixelflow("process", album / "a.jpg", album / "rome" / "a.jpg", "-o", "out", "-p", THUMB)
    assert done.returncode == 0, done.stderr
    assert sides(tmp_path / "out" / "a_thumbnail.webp") == (80, 60)
    assert sides(tmp_path / "out" / "a-2_thumbnail.webp") == (80, 107)


def test_results_within_the_folder_are_not_taken_for_inputs(
    pixelflow: Command, album: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        done = pixelflow("process", album, "-o", album / "out", "-p", THUMB)
        assert done.returncode == 0, done.stderr
    assert files(album / "out") == ["a_thumbnail.webp", "b_thumbnail.webp", "rome/a_thumbnail.webp"]


def test_a_watermark_from_a_file(pixelflow: Command, album: Path, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(encoded(Image.new("RGB", (40, 40), "red"), "PNG"))
    mark = "watermark:image=logo,scale=0.2,format=png"
    missing = pixelflow("process", album / "a.jpg", "-o", "out", "-p", mark)
    assert missing.returncode == 2
    assert "--asset logo=FILE" in missing.stderr
    done = pixelflow("process", album / "a.jpg", "-o", "out", "-p", mark, "--asset", "logo=logo.png")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "out" / "a_watermark.png") as opened:
        assert opened.convert("RGB").getpixel((310, 230)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        ('[{"id": "a", "action": "sparkle"}]', ["step 'a'", "'sparkle'", "thumbnail"]),
        ('[{"id": "a", "action": "blur", "sigma": 9000}]', ["step 'a': sigma", "9000", "250"]),
        ('[{"id": "a" "action": "blur"}]', ["not JSON", "line 1, column 13", "^"]),
        ("steps.json", ["steps.json: No such file"]),
        ("thumbnail:width", ["'width'", "ACTION:NAME=VALUE"]),
        ("[]", ["1 to 20 steps"]),
    ],
)
def test_a_pipeline_that_cannot_run_is_explained(
    pixelflow: Command, album: Path, tmp_path: Path, pipeline: str, words: list[str]
) -> None:
    done = pixelflow("process", album, "-o", "out", "-p", pipeline)
    assert done.returncode == 2
    for word in words:
        assert word in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_is_not_there_is_said(pixelflow: Command, tmp_path: Path) -> None:
    done = pixelflow("process", "nowhere.jpg", "-o", "out", "-p", THUMB)
    assert (done.returncode, done.stderr) == (2, "there is no file or folder 'nowhere.jpg'\n")
    (tmp_path / "empty").mkdir()
    done = pixelflow("process", "empty", "-o", "out", "-p", THUMB)
    assert (done.returncode, done.stderr) == (2, "there is no picture in empty\n")


def test_a_picture_over_a_limit_names_the_setting(pixelflow: Command, album: Path) -> None:
    done = pixelflow("process", album / "a.jpg", "-o", "out", "-p", THUMB, MAX_IMAGE_SIDE="300")
    assert done.returncode == 1
    assert "MAX_IMAGE_SIDE" in done.stderr


def test_an_interrupted_command_leaves_no_drafts(album: Path, tmp_path: Path) -> None:
    slow = json.dumps([{"id": "a", "action": "resize", "width": 3000, "enlarge": True, "format": "avif"}])
    command = [sys.executable, "-m", "pixelflow", "process", album, "-o", "out", "-p", slow]
    # A shell's background job ignores SIGINT, and so do the commands that it starts.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, preexec_fn=heeding) as running:
        begun = time.monotonic()
        while not list((tmp_path / "out").glob(".*")):
            assert time.monotonic() - begun < 60
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"Traceback" not in errors
    assert files(tmp_path / "out") == []


def test_a_name_that_cannot_be_shown_is_no_trouble(pixelflow: Command, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 [bold].jpg")
    (tmp_path / name).write_bytes(encoded(photo(160, 80)))
    for encoding in ("utf-8", "ascii"):
        done = pixelflow("process", name, "-o", "out", "-p", THUMB, PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        assert "[bold]_thumbnail.webp" in done.stdout
    assert (tmp_path / "out" / name.replace(".jpg", "_thumbnail.webp")).exists()


def test_a_file_over_the_cap_names_the_setting(pixelflow: Command, album: Path) -> None:
    done = pixelflow("process", album / "a.jpg", "-o", "out", "-p", THUMB, MAX_UPLOAD_SIZE="1000")
    assert done.returncode == 1
    assert "MAX_UPLOAD_SIZE" in done.stderr


def test_a_decoder_that_dies_costs_one_picture(pixelflow: Command, album: Path) -> None:
    bomb = io.BytesIO()
    Image.new("RGB", (4000, 4000)).save(bomb, "PNG")
    (album / "slow.png").write_bytes(bomb.getvalue())
    slow = json.dumps([{"id": "a", "action": "resize", "width": 4000, "format": "avif", "effort": 9}])
    done = pixelflow("process", album, "-o", "out", "-p", slow, "--json", MAX_JOB_SECONDS="1.5")
    reports = {Path(each["input"]).name: each for each in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1
    assert reports["slow.png"]["error"]["code"] == "timeout"
    assert reports["b.png"]["status"] == "completed"
