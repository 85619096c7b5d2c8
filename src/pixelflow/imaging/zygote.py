"""A process that has loaded all that a decoder needs and forks decoders, which share that memory.

``python -I -m pixelflow.imaging.zygote SOCKET PARENT``

Over a Unix socket that keeps messages apart: first it says ``READY``; then each message to it is a decoder's
orders (words), with its socket and its standard error, and the answer is the decoder's pid, 0 if none came.
The decoder seals itself as every other one does.
"""

import gc
import os
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress

from pixelflow.domain.errors import PixelFlowError
from pixelflow.imaging import cage, child

READY = b"ready"
PID_BYTES = 4
MAX_ORDER_BYTES = 1024
NAME = "pf-zygote"
ADOPTION_SECONDS = 5.0
"""How long a new decoder waits to become the supervisor's child."""


def main(arguments: list[str]) -> None:
    """Run until the socket closes; ends at once where it cannot do its work."""
    handle, parent = map(int, arguments)
    cage.die_with_parent(parent)
    cage.call_process(NAME)
    child.ignore_terminal()
    with socket.socket(fileno=handle) as line:
        try:
            versions = child.prepare()
        except PixelFlowError:
            return  # a decoder that is started by itself will tell why
        gc.collect()
        gc.freeze()
        if cage.threads() > 1:
            return  # a fork would lack the others
        line.send(READY)
        while True:
            orders, files, _, _ = socket.recv_fds(line, MAX_ORDER_BYTES, 2)
            if not orders:
                return
            pid = _fork(line, orders.decode().split(), files, parent, versions)
            for file in files:
                os.close(file)
            line.send(pid.to_bytes(PID_BYTES, "little"))


def _fork(
    line: socket.socket, orders: Sequence[str], files: Sequence[int], parent: int, versions: dict[str, str]
) -> int:
    """A decoder's pid; it is an orphan by then, and so the supervisor's child."""
    told, tells = os.pipe()
    pid = b""
    with suppress(OSError):
        if not (between := os.fork()):
            try:
                if not (born := os.fork()):
                    line.close()
                    os.close(told)
                    os.close(tells)
                    _decode(orders, files, parent, versions)
                os.write(tells, born.to_bytes(PID_BYTES, "little"))
            finally:
                os._exit(0)
        os.waitpid(between, 0)
        os.set_blocking(told, False)
        pid = os.read(told, PID_BYTES)
    os.close(told)
    os.close(tells)
    return int.from_bytes(pid, "little")


def _decode(orders: Sequence[str], files: Sequence[int], parent: int, versions: dict[str, str]) -> None:
    status = 1
    try:
        os.setsid()
        handle, errors = files
        os.dup2(errors, sys.stderr.fileno())
        os.close(errors)
        until = time.monotonic() + ADOPTION_SECONDS
        while os.getppid() != parent and time.monotonic() < until:
            os.sched_yield()
        states = {"parent_death": cage.die_with_parent(parent)}
        with socket.socket(fileno=handle) as line:
            child.serve(line, orders, states, versions)
        status = 0
    except BaseException:  # noqa: BLE001 - nothing may go on in the forked half
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
