"""Processes of decoders: our own interpreter in a closed environment, or a fork of one that is prepared."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

from pixelflow.imaging import native

ENVIRONMENT: Mapping[str, str] = {
    **native.environment(),
    "LANG": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
}
"""All that a decoder finds in its environment."""


class Process(Protocol):
    """A child process, as ``subprocess`` has it."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def poll(self) -> int | None:
        """Reap it if it has ended."""

    def kill(self) -> None:
        """SIGKILL, unless it is reaped."""


def run(module: str, line: int, words: Sequence[str], stderr: int) -> subprocess.Popen[bytes]:
    """Start a module with a socket as its first word and our pid as its second; raises OSError."""
    # 0 and 1 are /dev/null and not closed: else a received file would become standard output
    return subprocess.Popen(  # noqa: S603 - our own interpreter with our own words
        [sys.executable, "-I", "-m", module, str(line), str(os.getpid()), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=ENVIRONMENT,
        pass_fds=[line],
        start_new_session=True,
    )


class Forked:
    """A child that we did not start but adopted."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # somebody reaped all there were
                self.returncode = -signal.SIGKILL
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
