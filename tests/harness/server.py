"""A real ``pixelflow serve`` in a process group of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

START_SECONDS = 30.0
STOP_SECONDS = 40.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class RunningServer:
    """One folder of data and, most of the time, one process tree on it."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    python: str = sys.executable

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        return self.folder / "data" / "jobs.db"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def start(self) -> None:
        settings = {
            "PORT": str(self.port),
            "DB_PATH": str(self.database),
            "UPLOAD_DIR": str(self.folder / "uploads"),
            "OUTPUT_DIR": str(self.folder / "outputs"),
            "WORKER_POOL_SIZE": "2",
            "LOG_FORMAT": "json",
        }
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.python, "-m", "pixelflow", "serve"],
                env={**os.environ, **settings, **self.env},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_ready()

    def wait_ready(self) -> None:
        assert self.process is not None
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log}")
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError(f"the server is not ready after {START_SECONDS} s:\n{self.log}")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def children(self) -> list[int]:
        """Pids of the decoders."""
        listing = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        pids = listing.read_text().split() if listing.exists() else []
        return [int(pid) for pid in pids if Path(f"/proc/{pid}/comm").read_text() == "pf-decoder\n"]

    def left_over(self) -> list[int]:
        """Pids of whatever runs in the folder, of this server or one before."""
        found = []
        for place in Path("/proc").glob("[0-9]*/cwd"):
            with suppress(OSError):
                if place.readlink() == self.folder.resolve():
                    found.append(int(place.parent.name))
        return found

    def kill(self) -> None:
        """kill -9 of the server alone; its decoders must follow by themselves."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def kill_group(self) -> None:
        """kill -9 of the whole tree."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)


@contextmanager
def running_server(folder: Path, *, python: str = sys.executable, **env: str) -> Iterator[RunningServer]:
    """A server with its data in ``folder``; whatever of it still runs at the end is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    server = RunningServer(folder, env, python=python)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill_group()
