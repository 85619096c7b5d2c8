"""The caged decoder's program: prepare, seal, then one task after the other until the supervisor hangs up.

``python -I -m pixelflow.imaging.child SOCKET PARENT SANDBOX MEMORY_BYTES OUTPUT_BYTES SVG``
"""

import codecs
import errno
import gc
import os
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence

from pixelflow.domain.errors import ImageError, PixelFlowError
from pixelflow.imaging import cage, memory, wire

NAME = "pf-decoder"
"""What ``ps`` and ``top`` call it."""
PROGRESS_SECONDS = 0.25
"""Least time between two messages of progress."""
SVG, NO_SVG = "svg", "no-svg"
"""Its last order: whether it may draw SVG, as only one does that is made for a single task."""
EXHAUSTED = 3
"""Exit status after memory ran out: what is left of the heap is not trusted with another task."""
_CODECS = (
    "ascii",
    "latin-1",
    "cp1252",
    "utf-16",
    "utf-16-be",
    "utf-16-le",
    "utf-32",
    "unicode-escape",
    "cp437",
)
"""Encodings of text in a picture's metadata and of names in a zip, loaded by Python when first used."""
_STORAGE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS})


_Render = Callable[
    [wire.Task, int, list[int], list[int], Callable[[int], None], Callable[[wire.Made], None]], wire.Finished
]


def main(arguments: list[str]) -> None:
    """Prepare and serve; a preparation that fails is told as ``Failed("startup")``."""
    handle, parent, *orders = arguments
    states = {"parent_death": cage.die_with_parent(int(parent))}
    ignore_terminal()
    with socket.socket(fileno=int(handle)) as line:
        try:
            versions = prepare()
        except PixelFlowError as error:
            _say(line, wire.Failed("startup", error.detail))
            return
        serve(line, orders, states, versions)


def ignore_terminal() -> None:
    """Leave what a terminal sends to the supervisor, which lets running tasks end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def prepare() -> dict[str, str]:
    """Load all that a task may need; returns versions, raises StartupError."""
    from pixelflow.imaging import render

    versions = render.prepare()
    for name in _CODECS:
        codecs.lookup(name)
    return versions


def serve(
    line: socket.socket, orders: Sequence[str], states: dict[str, str], versions: dict[str, str]
) -> None:
    """Seal the process and do tasks until the socket closes.

    ``orders``: the sandbox's setting, bytes of memory, bytes of an output, and whether it draws SVG.
    """
    from pixelflow.imaging import native, render, warmup
    from pixelflow.operations import fonts

    sandbox, memory_bytes, output_bytes, drawing = orders
    if drawing == SVG:
        native.allow_svg()
    cage.call_process(NAME)
    scratch = [_empty_file() for _ in range(warmup.SCRATCH)]
    if sandbox == "off":
        states = dict.fromkeys(cage.PARTS, "off")
    else:
        sizes = {"memory_bytes": int(memory_bytes), "output_bytes": int(output_bytes)}
        states = states | cage.seal(fonts.folders(), **sizes)
    render.warm_up(scratch)
    for file in scratch:
        os.close(file)
    gc.collect()
    gc.freeze()
    _say(line, wire.Ready(states, versions))
    while received := _receive(line):
        task, files = received
        try:
            reply = _withdrawn(line) or _do(task, files, render.render, line)
        finally:
            for file in files:
                os.close(file)
        _say(line, reply)
        if isinstance(reply, wire.Failed) and reply.code == "oom":
            os._exit(EXHAUSTED)


def _empty_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("scratch")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _say(line: socket.socket, reply: wire.Reply) -> None:
    rest = wire.pack(reply)
    while rest:  # write(2): the cage has no send(2), which could name another address
        rest = rest[os.write(line.fileno(), rest) :]


def _receive(line: socket.socket) -> tuple[wire.Task, list[int]] | None:
    """The next task with its files; None at the end. A withdrawal that comes too late is passed over."""
    while True:
        header, files, flags, _ = socket.recv_fds(line, wire.HEADER_BYTES, cage.OPEN_FILES)
        while 0 < len(header) < wire.HEADER_BYTES and (more := line.recv(wire.HEADER_BYTES - len(header))):
            header += more
        if len(header) < wire.HEADER_BYTES or flags & socket.MSG_CTRUNC:
            return None
        if size := int.from_bytes(header, "little"):
            break
    body = line.recv(size, socket.MSG_WAITALL)
    return (wire.unpack_task(body), files) if len(body) == size else None


def _withdrawn(line: socket.socket) -> wire.Failed | None:
    try:
        ahead = line.recv(wire.HEADER_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    return wire.Failed("withdrawn", "taken back before it was begun") if ahead == wire.WITHDRAW else None


def _do(
    task: wire.Task, files: list[int], render: _Render, line: socket.socket
) -> wire.Finished | wire.Failed:
    last_sent = time.monotonic()

    def report(percent: int) -> None:
        nonlocal last_sent
        now = time.monotonic()
        if now - last_sent >= PROGRESS_SECONDS:
            last_sent = now
            _say(line, wire.Progress(percent))

    cage.limit_cpu(task.limits.max_cpu_seconds)
    source, assets, outputs = files[0], files[1 : 1 + len(task.assets)], files[1 + len(task.assets) :]
    try:
        return render(task, source, assets, outputs, report, lambda made: _say(line, wire.Written(made)))
    except ImageError as error:
        if memory.ran_out(error):
            return _exhausted(error.detail, error.step)
        code = error.code if error.code in wire.PICTURE_CODES else "invalid"
        return wire.Failed(code, error.detail, error.step)
    except OSError as error:
        if error.errno == errno.EFBIG:
            limit = task.limits.max_output_bytes
            return wire.Failed("limit", f"an output is larger than {limit} bytes (MAX_OUTPUT_BYTES)")
        if error.errno in _STORAGE:
            return wire.Failed("storage", str(error.errno))
        return _surprised(error)
    except Exception as error:  # noqa: BLE001 - whatever a plug-in raises ends its task and nothing else
        return _surprised(error)


def _surprised(error: Exception) -> wire.Failed:
    if memory.ran_out(error):
        return _exhausted(str(error).split("\n", 1)[0])
    traceback.print_exception(error)
    return wire.Failed("internal", _sentence(error))


def _exhausted(said: str, step: str | None = None) -> wire.Failed:
    text = "memory ran out (MAX_MEMORY_BYTES); a smaller picture needs less"
    return wire.Failed("oom", f"{text}: {said}"[:300] if said else text, step)


def _sentence(error: Exception) -> str:
    """The error's type and first line, without the paths that an OSError carries."""
    text = error.strerror or "" if isinstance(error, OSError) else str(error).split("\n", 1)[0]
    return f"{type(error).__name__}: {text}"[:300]


if __name__ == "__main__":
    main(sys.argv[1:])
