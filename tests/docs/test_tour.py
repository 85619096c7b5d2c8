"""The pages' examples run as they are written, against a real server."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.elsewhere import Elsewhere, Reply, elsewhere
from harness.server import RunningServer, running_server

ROOT = Path(__file__).parents[2]
PAGES = (
    "docs/quickstart.md",
    "docs/api-tour.md",
    "docs/client.md",
    "docs/cli.md",
    "docs/jobs.md",
    "docs/templates.md",
    "docs/usage.md",
    "docs/batches.md",
    "docs/remote.md",
    "docs/webhooks.md",
    "docs/keeping.md",
    "docs/provenance.md",
)
WRITTEN_ADDRESS = "http://127.0.0.1:8080"
ELSEWHERE = ("https://pictures.example", "https://bucket.example")
BLOCK = re.compile(
    r"^<!-- runs(?:; says (?P<says>.+?))? -->\n```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
MARK = "=== end of block"
PAGE_SECONDS = 120.0


@dataclass
class Block:
    language: str
    text: str
    says: str | None

    @property
    def shell(self) -> str:
        if self.language == "bash":
            return self.text
        assert self.language == "python"
        return f"python - <<'END'\n{self.text}END\n"


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text()
    found = [Block(each["language"], each["text"], each["says"]) for each in BLOCK.finditer(text)]
    assert len(found) == text.count("<!-- runs"), "a mark without a block"
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path / "server", EGRESS_ALLOW="127.0.0.1/32") as running:
        yield running


@pytest.fixture
def there() -> Iterator[Elsewhere]:
    with elsewhere() as machine:
        machine.routes["/kodim23.png"] = Reply(200, (ROOT / "examples/kodim23.png").read_bytes())
        machine.routes["/thumb.webp"] = machine.routes["/icon.webp"] = Reply(200)
        yield machine


@pytest.mark.skipif(not shutil.which("curl"), reason="the examples need curl")
@pytest.mark.parametrize("page", PAGES)
def test_the_examples_run_as_written(
    page: str, server: RunningServer, there: Elsewhere, tmp_path: Path
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    parts = blocks(page)
    assert parts
    script = "".join(f"{part.shell}\necho; echo '{MARK}'\n" for part in parts)
    for written, real in ((WRITTEN_ADDRESS, server.url), *((name, there.url) for name in ELSEWHERE)):
        script = script.replace(written, real)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PAGE_SECONDS,
        check=False,
    )
    said = ran.stdout.split(MARK)
    for part, output in zip(parts, said, strict=False):
        assert part.says is None or part.says in output, f"{part.text}\nsaid:\n{output}\n{ran.stderr}"
    assert ran.returncode == 0, f"{said[-1]}\n{ran.stderr}"
