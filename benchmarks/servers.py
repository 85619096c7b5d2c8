"""The servers under test, each started fresh on loopback with a data folder of its own, and stopped whole."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pictures import HERE, WORK

HOST = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port, and the roots of its process trees."""

    port: int
    pids: Sequence[int]


@contextmanager
def pixelflow(folder: Path | None = None, **settings: str) -> Iterator[Server]:
    """`pixelflow serve` with two decoders, durable, the cage required; by default on an empty folder."""
    home, port = folder or fresh_folder("pixelflow"), free_port()
    with ExitStack() as stack:
        if folder is None:
            stack.callback(forget, home)
        environment = pixelflow_environment(home, port, **settings)
        pid = stack.enter_context(process(pixelflow_command(), environment, "pixelflow"))
        wait_for(port, "/readyz")
        yield Server(port, [pid])


def pixelflow_command() -> list[str]:
    """The installed command, beside the Python that runs this."""
    return [str(Path(sys.executable).with_name("pixelflow")), "serve"]


def pixelflow_environment(home: Path, port: int, **settings: str) -> dict[str, str]:
    """The settings of the server under test; everything else is as it comes.

    Every job does its work: the step cache, which would give the same picture's outputs again, is off.
    """
    return {
        "HOST": HOST,
        "PORT": str(port),
        "DB_PATH": str(home / "jobs.db"),
        "UPLOAD_DIR": str(home / "uploads"),
        "OUTPUT_DIR": str(home / "outputs"),
        "WORKER_POOL_SIZE": "2",
        "SANDBOX": "required",
        "STEP_CACHE": "false",
        **settings,
    }


@contextmanager
def node(workers: int = 4) -> Iterator[Server]:
    """Fastify, BullMQ and sharp with a Redis of their own."""
    folder = WORK / "node"
    with _peer("node", {"CONCURRENCY": str(workers)}) as (start, port):
        pids = [start(["node", str(folder / "worker.mjs")]), start(["node", str(folder / "api.mjs")])]
        wait_for(port, "/jobs/none")
        yield Server(port, [*start.pids, *pids])


@contextmanager
def taskiq(workers: int = 2) -> Iterator[Server]:
    """FastAPI on uvicorn, taskiq and pyvips with a Redis of their own."""
    binaries = WORK / "venv" / "bin"
    paths = {"PYTHONPATH": f"{HERE}:{HERE / 'peers'}"}
    with _peer("taskiq", paths) as (start, port):
        worker = [f"{binaries}/taskiq", "worker", "taskiq_worker:broker", "--workers", str(workers)]
        api = [f"{binaries}/uvicorn", "fastapi_api:app", "--host", HOST, "--port", str(port)]
        pids = [
            start([*worker, "--max-async-tasks", "1", "--max-prefetch", "0", "--log-level", "WARNING"]),
            start(
                [*api, "--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]
            ),
        ]
        wait_for(port, "/jobs/none")
        yield Server(port, [*start.pids, *pids])


class _Starter:
    """Starts a peer's processes one by one in the same environment."""

    def __init__(self, stack: ExitStack, name: str, environment: Mapping[str, str]) -> None:
        self.stack, self.name, self.environment = stack, name, environment
        self.pids: list[int] = []

    def __call__(self, command: Sequence[str]) -> int:
        return self.stack.enter_context(process(command, self.environment, self.name))


@contextmanager
def _peer(name: str, environment: Mapping[str, str]) -> Iterator[tuple[_Starter, int]]:
    data, port, redis = fresh_folder(name), free_port(), free_port()
    with ExitStack() as stack:
        stack.callback(forget, data)
        common = {
            "DATA": str(data),
            "PORT": str(port),
            "REDIS_PORT": str(redis),
            "VIPS_CONCURRENCY": "1",
            "NODE_ENV": "production",
            "UV_THREADPOOL_SIZE": "4",
        }
        start = _Starter(stack, name, common | dict(environment))
        durable = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        server = ["redis-server", "--port", str(redis), "--bind", HOST, "--dir", str(data), *durable]
        start.pids.append(start(server))
        wait_for(redis)
        yield start, port


@contextmanager
def process(command: Sequence[str], environment: Mapping[str, str], name: str) -> Iterator[int]:
    """A process in a group of its own, its words in a log; the whole group is gone afterwards."""
    logs = WORK / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            cwd=WORK,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield child.pid
    finally:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{name} did not stop within {STOP_SECONDS:.0f} s and was killed", file=sys.stderr)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def wait_for(port: int, path: str | None = None, seconds: float = START_SECONDS) -> None:
    """Wait until the port answers a request (not with 5xx) or takes a connection; raises SystemExit."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answers(port, path):
            return
        time.sleep(POLL_SECONDS)
    raise SystemExit(f"the server did not come up within {seconds:.0f} s; see {WORK / 'logs'}")


def answers(port: int, path: str | None) -> bool:
    """Whether the server is there now."""
    try:
        if path is None:
            socket.create_connection((HOST, port), timeout=1).close()
        else:
            urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=2).close()
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def fresh_folder(name: str) -> Path:
    """An empty folder on the disk of the measurements, gone when this program ends."""
    (WORK / "data").mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=WORK / "data"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def forget(folder: Path) -> None:
    """Give a measurement's bytes back, in memory and on disk, so that the next one starts as this one did.

    The empty files stay: ext4 searches longer for free inodes while it remembers deleted ones.
    """
    for file in folder.rglob("*"):
        if file.is_file():
            os.truncate(file, 0)
    os.sync()


SERVERS = {"node": node, "taskiq": taskiq, "pixelflow": pixelflow}
