"""Every file of the shared pictures through a few pipelines in the cage: a table of how each ends.

It stands below pytest's summary. What is refused is refused for a reason that is written here.
"""

import asyncio
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
from PIL import Image

from harness.pooling import Bench, outcome, running_pool
from harness.rendering import SHARED
from pixelflow.domain.installed import readable
from pixelflow.domain.limits import ImageLimits
from pixelflow.domain.media import SNIFF_BYTES, sniff
from pixelflow.imaging import wire

PIPELINES: dict[str, list[dict[str, Any]]] = {
    "small": [{"id": "small", "action": "thumbnail", "width": 96, "format": "png"}],
    "whole": [
        {"id": "cut", "action": "crop", "width": "75%", "height": "75%", "output": False},
        {"id": "whole", "action": "blur", "sigma": 2, "format": "jpeg", "from": "cut"},
    ],
    "facts": [{"id": "info", "action": "info"}, {"id": "hash", "action": "phash"}],
    "same": [
        {"id": "kept", "action": "metadata", "keep": ["exif", "icc", "xmp", "iptc", "gps"], "output": False},
        {"id": "same", "action": "resize", "width": 64, "height": 64, "fit": "cover", "from": "kept"},
    ],
}
"""Each by its column in the table."""

Ends = dict[Path, dict[str, tuple[str, str]]]
"""How each file ended in each pipeline: ``ok`` or a code, and what was said."""

AT_ONCE = 4
SECONDS = 20
REASONS = {
    "unsupported": r"is (empty|not an image of a known kind|a \w+ file, and |of a sort that is not read)",
    "corrupt": r"^the \w+ file is truncated or damaged \(.+\)$",
    "limit": r"the limit is .+ \(MAX_[A-Z_]+\)",
}
"""What a refusal says, by its code: the kind of file and what is wrong with it, or the limit to change."""


def files() -> list[Path]:
    if not SHARED.is_dir():
        return []
    return sorted(path for path in SHARED.rglob("*") if path.is_file() and path.name != "README.md")


pytestmark = pytest.mark.skipif(not files(), reason="the shared pictures are not here")


async def ended(bench: Bench, path: Path, steps: list[dict[str, Any]]) -> tuple[str, str]:
    """``ok`` or the code that one file ends with in one pipeline, and what is said."""
    names = [step["id"] for step in steps if step.get("output", True)]
    with path.open("rb") as source, TemporaryFile() as first, TemporaryFile() as second:
        outputs = [first, second][: len(names)]
        task = wire.Task(steps, [], names, ImageLimits())
        descriptors = [file.fileno() for file in (source, *outputs)]
        found = await outcome(bench.pool.submit(task, descriptors, lambda percent: None))
        if isinstance(found, wire.Failed):
            return found.code, found.message
        if not isinstance(found, wire.Finished):
            return type(found).__name__, str(found)
        for made, file in zip(found.made, outputs, strict=True):
            if made.format not in {"json", "heic", "jxl"}:  # which Pillow alone does not read
                content = os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)
                Image.open(BytesIO(content)).load()
    return "ok", ""


@dataclass
class Table:
    """Writes how all files ended below the summary."""

    ends: Ends

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("shared pictures: files by pipeline and end")
        for line in self.lines():
            terminalreporter.write_line(line)

    def lines(self) -> Iterator[str]:
        rows: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        why: dict[str, Counter[str]] = defaultdict(Counter)
        for path, by_pipeline in sorted(self.ends.items()):
            for name, (code, _) in by_pipeline.items():
                rows[family(path)][name][code] += 1
            where = "hostile" if hostile(path) else str(path.relative_to(SHARED))
            for code, said in {end for end in by_pipeline.values() if end[0] != "ok"}:
                shown = re.sub(r"; read are.*", "", re.sub(r"\(.*\)", "(…)", re.sub(r"[\d,]{3,}", "…", said)))
                why[where][f"{code}: {shown}"] += 1
        codes = ["ok", *REASONS]
        codes += sorted({code for row in rows.values() for ends in row.values() for code in ends} - {*codes})
        yield f"{'':18}{'':10}" + "".join(f"{code:>13}" for code in codes)
        for group, by_name in sorted(rows.items()):
            same = len({frozenset(ends.items()) for ends in by_name.values()}) == 1
            for name, ends in [("each", by_name["small"])] if same else sorted(by_name.items()):
                yield f"{group:18}{name:10}" + "".join(f"{ends[code] or '.':>13}" for code in codes)
        yield f"pipelines: {', '.join(PIPELINES)}; refused, and why:"
        for where, said in sorted(why.items()):
            for sentence, count in said.most_common():
                yield f"  {where}: {f'{count} × ' if where == 'hostile' else ''}{sentence}"


def hostile(path: Path) -> bool:
    return path.parent.name == "hostile"


def family(path: Path) -> str:
    """Its folder, and for a hostile file whose it was."""
    return f"hostile/{path.name.split('-')[0]}" if hostile(path) else path.parent.name


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Ends:
    """How each file ended, by pipeline."""

    async def all_of_them() -> Ends:
        found: Ends = defaultdict(dict)
        gate = asyncio.Semaphore(AT_ONCE)
        async with running_pool(tmp_path_factory.mktemp("corpus"), size=2, job_seconds=SECONDS) as bench:

            async def one(path: Path, name: str) -> None:
                async with gate:
                    found[path][name] = await ended(bench, path, PIPELINES[name])

            async with asyncio.TaskGroup() as tasks:
                for path in files():
                    for name in PIPELINES:
                        tasks.create_task(one(path, name))
        return found

    found = asyncio.run(all_of_them())
    pytestconfig.pluginmanager.register(Table(found))
    return found


def test_no_file_ends_without_a_picture_or_a_code(ends: Ends) -> None:
    assert len(ends) == len(files())
    odd = {
        (path.name, name): end
        for path, by_pipeline in ends.items()
        for name, end in by_pipeline.items()
        if end[0] not in {"ok", *REASONS}
    }
    assert odd == {}


def test_every_refusal_says_what_is_wrong(ends: Ends) -> None:
    unexplained = {
        (path.name, name): end
        for path, by_pipeline in ends.items()
        for name, end in by_pipeline.items()
        if end[0] != "ok" and not re.search(REASONS[end[0]], end[1])
    }
    assert unexplained == {}


def test_every_good_file_of_a_format_that_is_read_here_is_read(ends: Ends) -> None:
    for path, by_pipeline in ends.items():
        if not hostile(path):
            kind = sniff(path.read_bytes()[:SNIFF_BYTES])
            wanted = "ok" if kind in readable() else "unsupported"
            assert {name: code for name, (code, _) in by_pipeline.items()} == dict.fromkeys(
                PIPELINES, wanted
            ), path


def test_a_damaged_file_is_none_that_another_pipeline_takes(ends: Ends) -> None:
    differing = {
        path.name: by_pipeline
        for path, by_pipeline in ends.items()
        if len({code for code, _ in by_pipeline.values()}) > 1
    }
    assert differing == {}
