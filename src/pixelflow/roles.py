"""What a process can be; so far ``serve``, which is every role in one process tree."""

import asyncio
import gc
import ipaddress
import resource
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

from pixelflow import __version__
from pixelflow.bootstrap import System, assemble
from pixelflow.domain.errors import StartupError
from pixelflow.http.app import build_app
from pixelflow.settings import Settings
from pixelflow.telemetry import configure_logs

log = structlog.get_logger()

GC_THRESHOLD = 20_000
"""Objects between two collections; a request makes some hundred, and hardly any in a cycle."""
STOP_SECONDS = 3.0
"""How long open connections may take to end once everything else has."""
CONNECTIONS = 16_384
"""Requests open at once, long polls and event streams included."""

Scope = dict[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT and answer the exit code; raises StartupError."""
    configure_logs(settings.log.log_level, settings.log.log_format)
    gc.set_threshold(GC_THRESHOLD)
    _open_as_many_files_as_allowed()
    return uvloop.run(_serve(settings))


def _open_as_many_files_as_allowed() -> None:
    """The soft limit is 1024 on most systems, for programs that use select(2); ours needs a descriptor for
    each connection (getrlimit(2))."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems have a lower one that they do not tell
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _serve(settings: Settings) -> int:
    host = settings.http.host
    port = _claim_port(host, settings.http.port)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    door = Door()
    async with _listening(door, host, port) as hang_up, assemble(settings, stopping.is_set) as system:
        door.open(build_app(system.services))
        for number, change in ((signal.SIGTTIN, 1), (signal.SIGTTOU, -1)):
            loop.add_signal_handler(number, _resize, system, change, set[asyncio.Task[None]]())
        for line in _greeting(settings, system, host, port):
            print(line, flush=True)  # noqa: T201 - the command's own output
        keeper = asyncio.create_task(system.keeper.run(), name="keeper")
        worker = asyncio.create_task(system.worker.run(), name="worker")
        dispatcher = asyncio.create_task(system.dispatcher.run(), name="dispatcher")
        stop = asyncio.create_task(stopping.wait(), name="stop")
        roles = (keeper, worker, dispatcher)
        await asyncio.wait({*roles, stop}, return_when=asyncio.FIRST_COMPLETED)
        log.info("draining", seconds=settings.worker.drain_seconds)
        ended = [task for task in roles if task.done()]
        for task in (*roles, stop):
            task.cancel()
        await asyncio.gather(*roles, stop, return_exceptions=True)
        drain = settings.worker.drain_seconds
        await asyncio.gather(system.worker.drain(drain), system.dispatcher.drain(drain))
        await hang_up()  # before the store and the storage close, so that no request finds them closed
        for task in ended:
            task.result()
    return 0


class Door:
    """Answers ``/healthz`` from the first moment, and lets everything else wait until the application is
    there."""

    def __init__(self) -> None:
        self._app: App | None = None
        self._opened = asyncio.Event()

    def open(self, app: App) -> None:
        """The application takes over."""
        self._app = app
        self._opened.set()

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        if self._app is None and scope["path"] == "/healthz":
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"status":"ok"}'})
            return
        if self._app is None:
            await self._opened.wait()
        assert self._app is not None
        await self._app(scope, receive, send)


@asynccontextmanager
async def _listening(app: App, host: str, port: int) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        websockets=False,
        log_enabled=False,
        backlog=4096,
        backpressure=CONNECTIONS,
    )
    running = asyncio.create_task(server.serve(), name="http")
    await asyncio.sleep(0)

    async def hang_up() -> None:
        server.interrupt_signal = True
        server.main_loop_interrupt.set()
        done, _ = await asyncio.wait({running}, timeout=STOP_SECONDS)
        if not done:
            running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    try:
        yield hang_up
    finally:
        await hang_up()


def _claim_port(host: str, port: int) -> int:
    # The server binds with SO_REUSEPORT, which would let two of them share a port in silence.
    if not _is_loopback(host):
        raise StartupError(
            f"HOST is {host}, but without authentication the server listens on loopback only; "
            "use HOST=127.0.0.1 and put a proxy that authenticates in front of it"
        )
    try:
        return bound(host, port)
    except OSError as error:
        raise StartupError(
            f"cannot listen on {host}:{port}: {error.strerror}; "
            "set PORT to a free one, or 0 to have one chosen"
        ) from error


def bound(host: str, port: int) -> int:
    """The port that an address has, any free one for 0; raises OSError if somebody has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        chosen: int = probe.getsockname()[1]
        return chosen


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _resize(system: System, change: int, tasks: set["asyncio.Task[None]"]) -> None:
    size = max(1, system.pool.size + change)
    task = asyncio.ensure_future(system.pool.resize(size))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    log.info("pool resized", size=size)


def _greeting(settings: Settings, system: System, host: str, port: int) -> list[str]:
    missing = [f"{part} {state}" for part, state in system.pool.cage.items() if not state.startswith("on")]
    folders, libvips = settings.storage, system.pool.versions.get("libvips", "unknown")
    shown = f"[{host}]" if ":" in host else host
    lines = [
        f"PixelFlow {__version__} listens on http://{shown}:{port} (the API's pages: /docs)",
        f"Data: {settings.store.address}, uploads in {folders.upload_dir}, outputs in {folders.output_dir}",
        f"Workers: {system.pool.size} decoder processes, libvips {libvips}",
        "Cage: complete" if not missing else "Cage: incomplete, " + "; ".join(missing),
    ]
    if settings.egress.networks:
        opened = ", ".join(str(network) for network in settings.egress.networks)
        lines.append(f"Egress: EGRESS_ALLOW opens {opened} to fetching and webhooks, by plain http too")
    return lines
