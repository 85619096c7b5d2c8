"""A command as a person runs it: a process of its own, its output and its exit code."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Command:
    """``pixelflow`` in a folder; a traceback is never an answer."""

    folder: Path

    def __call__(self, *arguments: str | Path, stdin: bytes = b"", **env: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "pixelflow", *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "WORKER_POOL_SIZE": "2", "COLUMNS": "200", **env},
            input=stdin,
            capture_output=True,
            timeout=120,
        )
        ended = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ended.stderr, ended.stderr
        return ended
