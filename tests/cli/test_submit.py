"""``pixelflow submit`` to a running server."""

import json
from pathlib import Path

from harness.command import Command
from harness.elsewhere import Reply, elsewhere
from harness.server import RunningServer, free_port, running_server

THUMB = "thumbnail:width=80,format=webp"


def test_a_picture_is_sent_and_its_results_fetched(
    pixelflow: Command, server: RunningServer, album: Path, tmp_path: Path
) -> None:
    done = pixelflow(
        "submit",
        album / "a.jpg",
        "-p",
        THUMB,
        "-p",
        "grayscale:format=jpeg",
        "--url",
        server.url,
        "-o",
        "out",
    )
    assert done.returncode == 0, done.stderr
    assert "80 × 60" in done.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["grayscale.jpg", "thumbnail.webp"]


def test_json_and_standard_input(pixelflow: Command, server: RunningServer, album: Path) -> None:
    picture = (album / "a.jpg").read_bytes()
    done = pixelflow("submit", "-", "-p", THUMB, "--url", server.url, "--json", stdin=picture)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["status"] == "completed"
    [output] = report["outputs"]
    assert (output["step"], output["width"], output["height"], output["path"]) == ("thumbnail", 80, 60, None)


def test_without_a_server_it_says_how_to_start_one(pixelflow: Command, album: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = pixelflow("submit", album / "a.jpg", "-p", THUMB, "--url", url)
    assert done.returncode == 1
    assert f"no PixelFlow server answers at {url}" in done.stderr
    assert "pixelflow serve" in done.stderr


def test_refusals_and_failures_are_told(pixelflow: Command, server: RunningServer, album: Path) -> None:
    done = pixelflow("submit", album / "a.jpg", "-p", "blur:sigma=9000", "--url", server.url)
    assert (done.returncode, "step 'blur': sigma" in done.stderr, "9000" in done.stderr) == (2, True, True)
    done = pixelflow("submit", album / "notes.txt", "-p", THUMB, "--url", server.url)
    assert (done.returncode, "jpeg" in done.stderr) == (1, True)
    (album / "cut.jpg").write_bytes((album / "a.jpg").read_bytes()[:3000])
    done = pixelflow("submit", album / "cut.jpg", "-p", THUMB, "--url", server.url)
    assert (done.returncode, "corrupt" in done.stderr) == (1, True)
    done = pixelflow("submit", album / "missing.jpg", "-p", THUMB, "--url", server.url)
    assert (done.returncode, "missing.jpg: No such file" in done.stderr) == (1, True)
    done = pixelflow("submit", album / "a.jpg", "-p", THUMB, "--url", "127.0.0.1")
    assert (done.returncode, "not an http or https URL" in done.stderr) == (2, True)


def test_a_url_is_fetched_and_its_results_are_sent(pixelflow: Command, album: Path, tmp_path: Path) -> None:
    with (
        running_server(tmp_path / "calling", EGRESS_ALLOW="127.0.0.1/32") as server,
        elsewhere() as there,
    ):
        there.routes["/a.jpg"] = Reply(200, (album / "a.jpg").read_bytes())
        there.routes["/out.webp"] = Reply(200)
        url, store = there.url + "/a.jpg", there.url + "/out.webp?key=hidden"
        done = pixelflow(
            *(
                "submit",
                url,
                "-H",
                "X-Key: mine",
                "-p",
                THUMB,
                "--store",
                store,
                "--url",
                server.url,
                "--json",
            )
        )
        assert done.returncode == 0, done.stderr
        [output] = json.loads(done.stdout)["outputs"]
        assert output["delivered"] == there.url + "/out.webp"
        assert there.asked[0].headers["x-key"] == "mine"
        done = pixelflow("submit", there.url + "/none.jpg", "-p", THUMB, "--url", server.url)
        assert (done.returncode, "source_not_found" in done.stderr) == (1, True)
        done = pixelflow("submit", album / "a.jpg", "-H", "X: y", "-p", THUMB, "--url", server.url)
        assert (done.returncode, "--header" in done.stderr) == (2, True)
