"""``gc``, ``audit``, ``replay`` and ``manifest``, with and without a server."""

import json
from pathlib import Path

import httpx
import pytest

from harness.command import Command
from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server

STEPS = json.dumps([{"id": "thumb", "action": "thumbnail", "width": 100, "format": "webp"}])


def done(server: RunningServer, **fields: str) -> str:
    files = {"file": encoded(photo(200, 100))}
    made = httpx.post(f"{server.url}/v1/jobs", files=files, data={"pipeline": STEPS, **fields})
    job_id: str = made.json()["id"]
    assert httpx.get(f"{server.url}/v1/jobs/{job_id}?wait=30", timeout=60).json()["status"] == "completed"
    return job_id


def places(server: RunningServer) -> dict[str, str]:
    """The settings that lead to a server's files."""
    folder = server.folder
    return {
        "DB_PATH": str(server.database),
        "UPLOAD_DIR": str(folder / "uploads"),
        "OUTPUT_DIR": str(folder / "outputs"),
    }


def test_a_running_server_is_asked(server: RunningServer, pixelflow: Command) -> None:
    job_id = done(server, keep='{"record": 0}')
    told = pixelflow("gc", "--dry-run", "--json", "--url", server.url)
    assert (told.returncode, json.loads(told.stdout)["due"]["record"]["count"]) == (0, 1)
    assert httpx.get(f"{server.url}/v1/jobs/{job_id}").status_code == 200
    swept = pixelflow("gc", "--url", server.url)
    assert swept.returncode == 0
    assert "record" in swept.stdout
    assert httpx.get(f"{server.url}/v1/jobs/{job_id}").status_code == 404
    lines = json.loads(pixelflow("audit", "--subject", job_id, "--json", "--url", server.url).stdout)
    assert [(line["actor"], line["action"]) for line in lines] == [("keeper", "job.deleted")]


def test_the_server_that_has_the_database_is_found_by_it(tmp_path: Path) -> None:
    with running_server(tmp_path, WORKER_POOL_SIZE="1") as server:
        job_id = done(server, keep='{"source": 0, "outputs": 0}')
        asked = Command(tmp_path)("gc", "--json", **places(server), PORT=str(server.port))
        assert (asked.returncode, json.loads(asked.stdout)["jobs"]["outputs"]["count"]) == (0, 1)
        assert httpx.get(f"{server.url}/v1/jobs/{job_id}/outputs/thumb").status_code == 410


def test_without_a_server_the_database_is_opened(tmp_path: Path) -> None:
    with running_server(tmp_path, WORKER_POOL_SIZE="1") as server:
        done(server)
        done(server, keep='{"record": 0}')
        assert server.stop() == 0
        env, offline = places(server), Command(tmp_path)
        report = json.loads(offline("gc", "--report", "--json", **env).stdout)
        assert sum(each["count"] for each in report["stored"] if each["kind"] == "inputs") == 2
        assert json.loads(offline("gc", "--json", **env).stdout)["jobs"]["record"]["count"] == 1
        assert json.loads(offline("gc", "--json", **env).stdout)["jobs"]["record"]["count"] == 0
        assert "inputs" in offline("gc", "--report", **env).stdout


def test_where_there_is_no_database_none_is_made(pixelflow: Command) -> None:
    told = pixelflow("gc")
    assert told.returncode == 2
    assert "DB_PATH" in told.stderr
    assert not list(pixelflow.folder.rglob("*.db"))


def test_a_replay_that_makes_the_same_ends_with_0(server: RunningServer, pixelflow: Command) -> None:
    job_id = done(server)
    shown = pixelflow("replay", job_id, "--url", server.url)
    assert (shown.returncode, "same" in shown.stdout) == (0, True), shown.stderr
    found = json.loads(pixelflow("replay", job_id, "--json", "--url", server.url).stdout)
    assert (found["equal"], found["replay_of"]) == (True, job_id)
    told = pixelflow("manifest", job_id, "--url", server.url)
    assert "libvips" in told.stdout
    manifest = json.loads(pixelflow("manifest", job_id, "--json", "--url", server.url).stdout)
    assert manifest["job_id"] == job_id


@pytest.mark.parametrize("found", ["other bytes, same pixels", "other pixels"])
def test_a_replay_that_makes_something_else_ends_with_1(tmp_path: Path, found: str) -> None:
    """The stored original is exchanged for what another version could have made."""
    with running_server(tmp_path, WORKER_POOL_SIZE="1") as server:
        job_id = done(server)
        (file,) = [path for path in (server.folder / "outputs").rglob("*") if job_id in path.name]
        content = file.read_bytes()
        other = encoded(photo(100, 50, seed=3), "WEBP") if found == "other pixels" else content + b"\0"
        file.write_bytes(other)
        forge(server, job_id, other)
        told = Command(tmp_path)("replay", job_id, "--json", "--url", server.url)
        shown = Command(tmp_path)("replay", job_id, "--url", server.url)
    document = json.loads(told.stdout)
    (output,) = document["outputs"]
    assert (told.returncode, shown.returncode, document["equal"], output["equal"]) == (1, 1, False, False)
    assert output["same_pixels"] == (found != "other pixels")
    assert (output["psnr_decibels"] is not None) == (found == "other pixels")
    assert "differs" in shown.stdout


def forge(server: RunningServer, job_id: str, content: bytes) -> None:
    """The row tells of the file as it is now."""
    import hashlib
    import sqlite3
    from contextlib import closing

    assert server.stop() == 0
    with closing(sqlite3.connect(server.database)) as connection, connection:
        ((outputs,),) = connection.execute("SELECT outputs FROM job WHERE id = ?", (job_id,))
        (output,) = json.loads(outputs)
        output |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        connection.execute("UPDATE job SET outputs = ? WHERE id = ?", (json.dumps([output]), job_id))
    server.start()
