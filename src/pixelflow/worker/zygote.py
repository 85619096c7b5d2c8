"""The supervisor's side of the process that forks decoders."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Sequence

import structlog

from pixelflow.imaging import cage
from pixelflow.imaging.zygote import PID_BYTES, READY
from pixelflow.worker.process import Forked, run

log = structlog.get_logger()

FORK_SECONDS = 2.0
"""A fork takes some milliseconds; a zygote that takes longer is not waited for."""


class Zygote:
    """Forks decoders once it is ready; ``fork`` answers ``None`` before that and wherever it cannot.

    Made and used on the event loop's thread. One that dies is replaced at the next fork.
    """

    def __init__(self) -> None:
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._settled = asyncio.Event()
        self._ready = False

    @property
    def pid(self) -> int | None:
        """Its process, once that can fork."""
        return self._process.pid if self._process and self._ready else None

    def begin(self) -> None:
        """Let it load, and do not wait for it."""
        self._settled.clear()
        if sys.platform != "linux":
            self._settled.set()
            return
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = run("pixelflow.imaging.zygote", theirs.fileno(), (), subprocess.DEVNULL)
            except OSError:
                self.close()
                return
        self._line.setblocking(False)
        asyncio.get_running_loop().add_reader(self._line.fileno(), self._heard)

    async def start(self, seconds: float) -> None:
        """Have it ready; whoever has none can do without."""
        if self._process is None:
            self.begin()
        try:
            async with asyncio.timeout(seconds):
                await self._settled.wait()
        except TimeoutError:
            self.close()

    def fork(self, orders: Sequence[str], line: int, stderr: int) -> Forked | None:
        """A decoder with these orders, as our child."""
        if self._line is None or not self._ready:
            return None
        self._line.settimeout(FORK_SECONDS)
        try:
            with cage.adopting_orphans():
                socket.send_fds(self._line, [" ".join(orders).encode()], [line, stderr])
                pid = int.from_bytes(self._line.recv(PID_BYTES), "little")
        except OSError:
            pid = 0
        if pid:
            return Forked(pid)
        log.warning("the zygote forks no more and is replaced")
        self.close()
        self.begin()
        return None

    def close(self) -> None:
        """End it; decoders live on."""
        self._ready = False
        if self._line is not None:
            asyncio.get_running_loop().remove_reader(self._line.fileno())
            self._line.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._line = self._process = None
        self._settled.set()

    def _heard(self) -> None:
        assert self._line is not None
        try:
            said = self._line.recv(len(READY))
        except BlockingIOError:
            return
        except OSError:
            said = b""
        asyncio.get_running_loop().remove_reader(self._line.fileno())
        self._ready = said == READY
        if not self._ready:
            self.close()
        self._settled.set()
