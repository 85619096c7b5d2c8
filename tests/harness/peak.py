"""Renders in a process of its own and tells how much memory that took.

``python -m harness.peak MEMORY_BYTES PIPELINES FILE …`` prints a line of JSON for each pipeline on each file:
``before`` and ``peak`` are resident bytes, ``error`` says what an ImageError said.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from pixelflow.domain.errors import ImageError
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import native, render, wire

TESTS = Path(__file__).parents[1]


def peaks(
    pipelines: Sequence[list[dict[str, Any]]], files: Sequence[Path], memory: int
) -> list[dict[str, Any]]:
    """What each took, in the environment and the address space that a decoder has."""
    ran = subprocess.run(
        [sys.executable, "-m", "harness.peak", str(memory), json.dumps(pipelines), *map(str, files)],
        env={**os.environ, **native.environment(), "PYTHONPATH": str(TESTS)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def main(memory: str, pipelines: str, *files: str) -> None:
    render.prepare()
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    for file in files:
        for steps in json.loads(pipelines):
            print(
                json.dumps({"file": file, "pipeline": steps[-1]["action"], **_taken(steps, file)}), flush=True
            )


def _taken(steps: list[dict[str, Any]], file: str) -> dict[str, Any]:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, error = _resident("VmRSS"), None
    names = [step["id"] for step in steps if step.get("output", True)]
    with ExitStack() as open_files:
        source = open_files.enter_context(Path(file).open("rb"))
        outputs = [open_files.enter_context(TemporaryFile()) for _ in names]
        task = wire.Task(steps, [], names, ImageLimits())
        try:
            render.render(task, source.fileno(), [], [out.fileno() for out in outputs], lambda _: None)
        except ImageError as failed:
            error = f"{failed.code}: {failed.detail}"
        except MemoryError:
            error = "out of memory"
    return {"before": before, "peak": _resident("VmHWM"), "error": error}


def _resident(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    main(*sys.argv[1:])
