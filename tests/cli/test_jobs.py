"""Commands that list and steer the jobs of a running server."""

import json
import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.command import Command
from harness.server import RunningServer, free_port
from pixelflow.client import ApiError, Client

THUMB = [{"id": "thumb", "action": "thumbnail", "width": 40, "format": "webp"}]


def made(server: RunningServer, album: Path, mark: str, count: int = 1) -> list[str]:
    with Client(server.url) as client:
        handles = [client.submit(album / "a.jpg", THUMB, metadata={"mark": mark}) for _ in range(count)]
        return [handle.result(timeout_seconds=30).job.id for handle in handles]


def test_jobs_are_listed_and_shown(pixelflow: Command, server: RunningServer, album: Path) -> None:
    (job_id,) = made(server, album, "listed")
    table = pixelflow("jobs", "-m", "mark=listed", "--url", server.url)
    assert (table.returncode, job_id in table.stdout, "completed" in table.stdout) == (0, True, True)
    listed = pixelflow("jobs", "-m", "mark=listed", "--status", "completed", "--json", "--url", server.url)
    assert [job["id"] for job in json.loads(listed.stdout)] == [job_id]
    shown = pixelflow("job", job_id, "--json", "--url", server.url)
    assert json.loads(shown.stdout)["metadata"] == {"mark": "listed"}
    assert "thumbnail" in pixelflow("job", job_id, PIXELFLOW_URL=server.url).stdout
    assert pixelflow("job", "nothing", "--url", server.url).returncode == 1
    for odd in (".", "bulk"):
        other = pixelflow("job", odd, "--url", server.url)
        assert (other.returncode, "the answer is no Job" in other.stderr) == (2, True)
    assert pixelflow("jobs", "-m", "mark", "--url", server.url).returncode == 2


def test_many_are_counted_and_deleted(pixelflow: Command, server: RunningServer, album: Path) -> None:
    jobs = made(server, album, "doomed", 3)
    with Client(server.url) as client:
        client.job(jobs[0]).hold()
    where = ("-m", "mark=doomed", "--url", server.url, "--json")
    counted = json.loads(pixelflow("delete", *where, "--dry-run").stdout)
    assert (counted["total"], counted["id"], counted["status"]) == (3, None, "dry_run")
    unsure = pixelflow("delete", *where)
    assert (unsure.returncode, "--yes" in unsure.stderr) == (2, True)
    done = json.loads(pixelflow("delete", *where, "--yes").stdout)
    assert (done["status"], done["changed"], done["skipped"]) == ("completed", 2, 1)
    with Client(server.url) as client:
        assert client.job(jobs[0]).release().hold is False
        with pytest.raises(ApiError) as gone:
            client.job(jobs[1])
    assert gone.value.status == 404
    one = pixelflow("delete", jobs[0], "--url", server.url)
    assert (one.returncode, one.stdout.split()) == (0, [jobs[0], "deleted"])


def test_what_is_to_be_steered_must_be_said(pixelflow: Command, server: RunningServer) -> None:
    for arguments in ((), ("some-id", "--status", "failed")):
        done = pixelflow("cancel", *arguments, "--url", server.url)
        assert (done.returncode, "--all" in done.stderr) == (2, True)
    done = pixelflow("jobs", "--status", "odd", "--url", server.url)
    assert (done.returncode, "quarantined" in done.stderr, "pipeline" in done.stderr) == (2, True, False)
    done = pixelflow("retry", "--all", "--url", f"http://127.0.0.1:{free_port()}")
    assert (done.returncode, "no PixelFlow server" in done.stderr) == (1, True)


def test_a_folder_is_watched_and_each_picture_done_once(
    pixelflow: Command, server: RunningServer, album: Path, tmp_path: Path
) -> None:
    def watch() -> list[dict[str, object]]:
        done = pixelflow(
            *("watch-folder", "album", "-p", "thumbnail:width=40,format=webp", "-o", "out", "--once"),
            *("--settle-seconds", "0", "--url", server.url, "--json"),
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    (album / "cut.jpg").write_bytes((album / "a.jpg").read_bytes()[:3000])
    first = watch()
    assert {(line["file"], line["status"]) for line in first} == {
        ("a.jpg", "completed"),
        ("b.png", "completed"),
        ("rome/a.jpg", "completed"),
        ("cut.jpg", "failed"),
    }
    assert (tmp_path / "out" / "rome" / "a.jpg" / "thumbnail.webp").exists()
    assert watch() == []
    # Without its notes it asks again, and is given the same jobs.
    (tmp_path / "out" / ".pixelflow-watched.jsonl").unlink()
    assert {line["job_id"] for line in watch()} == {line["job_id"] for line in first}
    # One that goes by the same name but for its kind has results of its own; any name will do.
    odd = os.fsdecode(b"caf\xe9.png")
    for name in ("a.png", odd):
        (album / name).write_bytes((album / "b.png").read_bytes())
    (album / "lost.png").symlink_to("/proc/self/mem")  # which nobody can read from the beginning
    assert [(line["file"], line["status"]) for line in watch()] == [
        ("a.png", "completed"),
        (odd, "completed"),
        ("lost.png", "unreadable"),
    ]
    for name in ("a.jpg", "a.png", odd):
        assert (tmp_path / "out" / name / "thumbnail.webp").exists()


def test_a_table_of_pictures_that_cannot_be_read_is_named(
    pixelflow: Command, server: RunningServer, tmp_path: Path
) -> None:
    table = tmp_path / "pictures.csv"
    for content in (
        b"url\nhttps://a.example/\xff\n",
        b'url\n"https://a.example/\n',
        b"url\nhttps://a.example/,b\n",
    ):
        table.write_bytes(content)
        done = pixelflow("batch", "create", str(table), "-t", "default", "--url", server.url)
        assert (done.returncode, "pictures.csv" in done.stderr, done.stderr.count("\n")) == (2, True, 1)


def test_another_server_at_that_address_is_told(pixelflow: Command, tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "jobs").write_text("<p>hello")
    serving = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), serving) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        done = pixelflow("jobs", "--url", f"http://127.0.0.1:{other.server_port}")
        other.shutdown()
    assert (done.returncode, "is no PixelFlow server" in done.stderr) == (1, True)
