"""``pixelflow templates`` and ``submit --template``, against a running server."""

import json
from pathlib import Path
from typing import Any

from harness.command import Command
from harness.server import RunningServer


def test_a_templates_life(pixelflow: Command, server: RunningServer, album: Path) -> None:
    def run(*arguments: object) -> str:
        done = pixelflow(*arguments, "--url", server.url)
        assert done.returncode == 0, done.stderr
        said: str = done.stdout
        return said

    def told(*arguments: object) -> Any:
        return json.loads(run("templates", *arguments, "--json"))

    assert "small@1; small = 1, small@latest = 1" in run(
        "templates", "add", "small", "-p", "thumbnail:width=80"
    )
    assert told("add", "small", "-p", "thumbnail:width=60", "--description", "tiny")["version"] == 2
    assert "~ thumbnail: width 80 → 60" in run("templates", "diff", "small")
    assert told("diff", "small", "2", "1")["lines"] == ["~ thumbnail: width 60 → 80"]
    assert "are the same" in run("templates", "diff", "small", "2", "latest")
    assert told("promote", "small", "2", "--alias", "next")["aliases"] == {"next": 2}
    assert told("promote", "small", "next")["current_version"] == 2
    assert told("rollback", "small")["current_version"] == 1
    assert [each["id"] for each in told("versions", "small")] == ["small@2", "small@1"]
    assert {"small@1", "default@0"} <= {each["id"] for each in told("list")}
    listed = run("templates", "list")
    assert "small@next = 2" in listed
    assert "built in" in listed
    assert json.loads(run("templates", "show", "small@next"))[0]["width"] == 60
    report = json.loads(run("submit", album / "a.jpg", "-t", "small@next", "--json"))
    assert report["outputs"][0]["width"] == 60
    assert told("delete", "small") == {"deleted": "small"}
    gone = pixelflow("templates", "show", "small", "--url", server.url)
    assert (gone.returncode, "there is no template 'small'" in gone.stderr) == (1, True)


def test_mistakes_are_told(pixelflow: Command, server: RunningServer, album: Path) -> None:
    for arguments, said in (
        (("submit", album / "a.jpg", "-t", "smal"), "there is no template 'smal'"),
        (("submit", album / "a.jpg"), "either --pipeline or --template"),
        (("submit", album / "a.jpg", "-t", "x", "-p", "invert"), "either --pipeline or --template"),
        (("templates", "add", "a b", "-p", "invert"), "name must be 1 to 64 letters"),
    ):
        done = pixelflow(*arguments, "--url", server.url)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
