"""One decoder process: started, spoken to, listened to, and reaped."""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Protocol

import msgspec

from pixelflow.imaging import child, wire
from pixelflow.worker.process import Process, run
from pixelflow.worker.zygote import Zygote

READ_BYTES = 64 * 1024
STDERR_BYTES = 4096
"""How much of a decoder's last words is kept."""
FAREWELL_SECONDS = 1.0
"""A decoder that hung up, or was asked to go, is killed when it is not gone after this."""
REAP_SECONDS = 0.005
"""How often a dying process is looked for where the kernel has no pidfd."""


@dataclass(frozen=True, slots=True)
class Cage:
    """What a decoder is told when it starts; sizes in bytes."""

    sandbox: str
    memory_bytes: int
    output_bytes: int
    svg: bool = False
    """Whether it may draw SVG."""


class Listener(Protocol):
    """Whoever holds a decoder."""

    def heard(self, reply: wire.Reply) -> None:
        """It said something."""

    def garbled(self, reason: str) -> None:
        """It said what no decoder says."""

    def ended(self) -> None:
        """It is gone and reaped; ``returncode`` and ``words`` stand. Not after ``kill`` or ``dismiss``."""


class Decoder:
    """A child process and the socket to it.

    Made and used on the event loop's thread, with which it dies: the parent-death signal watches that. Making
    it raises OSError when the system has no process or descriptor left.
    """

    def __init__(
        self, cage: Cage, zygote: Zygote, listener: Listener, on_reaped: Callable[["Decoder"], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener: Listener | None = listener
        self._on_reaped = on_reaped
        self._inbox = bytearray()
        self._outbox: deque[tuple[memoryview, list[int]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._reaped = False
        self._line, theirs = socket.socketpair()
        self._line.setblocking(False)
        heard, said = os.pipe()
        self._stderr = FileIO(heard)
        try:
            self._process = _born(cage, zygote, theirs.fileno(), said)
        except OSError:
            self._line.close()
            self._stderr.close()
            raise
        finally:
            theirs.close()
            os.close(said)
        self.last_words = b""
        os.set_blocking(self._stderr.fileno(), False)
        self._statm = _open(Path(f"/proc/{self.pid}/statm"))
        self._pidfd = _pidfd(self.pid)
        self._loop.add_reader(self._line.fileno(), self._readable)
        self._loop.add_reader(self._stderr.fileno(), self._read_stderr)
        if self._pidfd is not None:
            self._loop.add_reader(self._pidfd, self._exited)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """As ``subprocess`` has it: negative for a signal; None while it lives."""
        return self._process.returncode

    def words(self) -> str:
        """The end of what it wrote to its standard error since that was last cleared."""
        if not self._stderr.closed:
            self._read_stderr()
        return self.last_words.decode(errors="replace")

    def resident_bytes(self) -> int:
        """Its resident set now; 0 where the system does not tell."""
        if self._statm is None:
            return 0
        try:
            return int(os.pread(self._statm, 128, 0).split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0

    def send(self, message: bytes, fds: Sequence[int] = ()) -> None:
        """Hand it a message and copies of the descriptors, now or when it takes more; raises OSError."""
        sent = 0
        if not self._outbox:
            try:
                sent = socket.send_fds(self._line, [message], fds) if fds else self._line.send(message)
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                return  # its end is noticed in a moment
        if sent < len(message):
            if not self._outbox:
                self._loop.add_writer(self._line.fileno(), self._writable)
            # the caller may close its own ones before these go
            self._outbox.append((memoryview(message)[sent:], [] if sent else [os.dup(fd) for fd in fds]))

    def dismiss(self) -> None:
        """Ask it to go: it has nothing more to do and nobody listens any more."""
        self._listener = None
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)
        self._expect_end(FAREWELL_SECONDS)

    def kill(self) -> None:
        """End it at once; nobody listens any more."""
        self._listener = None
        self._process.kill()
        self._expect_end(FAREWELL_SECONDS)

    def _writable(self) -> None:
        while self._outbox:
            rest, fds = self._outbox[0]
            try:
                sent = socket.send_fds(self._line, [rest], fds) if fds else self._line.send(rest)
            except BlockingIOError:
                return
            except OSError:
                break
            for fd in fds:
                os.close(fd)
            self._outbox[0] = (rest[sent:], [])
            if sent == len(rest):
                self._outbox.popleft()
        self._loop.remove_writer(self._line.fileno())

    def _readable(self) -> None:
        try:
            data = self._line.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            if self._listener is not None:
                self._inbox += data
                self._understand()
        else:
            self._loop.remove_reader(self._line.fileno())
            self._expect_end(FAREWELL_SECONDS)

    def _understand(self) -> None:
        inbox = self._inbox
        while self._listener is not None and len(inbox) >= wire.HEADER_BYTES:
            size = int.from_bytes(inbox[: wire.HEADER_BYTES], "little")
            if not 0 < size <= wire.MAX_REPLY_BYTES:
                return self._listener.garbled(f"a message of {size} bytes")
            end = wire.HEADER_BYTES + size
            if len(inbox) < end:
                return None
            try:
                reply = wire.unpack_reply(bytes(inbox[wire.HEADER_BYTES : end]))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                return self._listener.garbled(str(error))
            del inbox[:end]
            self._listener.heard(reply)
        return None

    def _read_stderr(self) -> None:
        try:
            words = self._stderr.read(READ_BYTES)
        except BlockingIOError:
            return
        if words:
            self.last_words = (self.last_words + words)[-STDERR_BYTES:]
        elif words is not None:
            self._loop.remove_reader(self._stderr.fileno())

    def _expect_end(self, seconds: float) -> None:
        if self._timer is None and not self._reaped:
            if self._pidfd is None:
                self._loop.call_soon(self._look_for_end)
            self._timer = self._loop.call_later(seconds, self._process.kill)

    def _look_for_end(self) -> None:
        self._exited()
        if not self._reaped:
            self._loop.call_later(REAP_SECONDS, self._look_for_end)

    def _exited(self) -> None:
        if self._reaped or self._process.poll() is None:
            return
        self._reaped = True
        if self._timer is not None:
            self._timer.cancel()
        while self._listener is not None and self._drain():
            pass
        self._read_stderr()
        for handle in (self._line.fileno(), self._stderr.fileno(), self._pidfd):
            if handle is not None:
                self._loop.remove_reader(handle)
        self._loop.remove_writer(self._line.fileno())
        self._line.close()
        self._stderr.close()
        for fd in (self._pidfd, self._statm, *(fd for _, fds in self._outbox for fd in fds)):
            if fd is not None:
                os.close(fd)
        self._outbox.clear()
        listener, self._listener = self._listener, None
        self._on_reaped(self)
        if listener is not None:
            listener.ended()

    def _drain(self) -> bool:
        """What it said before it ended."""
        try:
            data = self._line.recv(READ_BYTES)
        except OSError:
            return False
        self._inbox += data
        self._understand()
        return bool(data)


def _born(cage: Cage, zygote: Zygote, line: int, stderr: int) -> Process:
    drawing = child.SVG if cage.svg else child.NO_SVG
    orders = (cage.sandbox, str(cage.memory_bytes), str(cage.output_bytes), drawing)
    return zygote.fork(orders, line, stderr) or run("pixelflow.imaging.child", line, orders, stderr)


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _pidfd(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
