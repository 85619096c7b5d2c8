"""A process that tries to do harm; ``python -I prisoner.py sealed|free FOLDER`` prints how each attempt ends.

Only attempts that do no harm when they succeed, so that a free process can show that each of them would.
"""

import ctypes
import errno
import json
import mmap
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyvips

from pixelflow.imaging import cage, native

libc = ctypes.CDLL(None, use_errno=True)
folder = Path(sys.argv[2])
secret = folder / "secret"
handle = os.open(secret, os.O_RDWR)


def fork() -> None:
    if child := os.fork():
        os.waitpid(child, 0)
    else:
        os._exit(0)


def peek() -> None:
    """Read the parent's memory."""
    buffer = ctypes.create_string_buffer(8)
    local = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    address = int(sys.argv[3]) if len(sys.argv) > 3 else ctypes.addressof(buffer)
    remote = (ctypes.c_void_p * 2)(address, 8)
    if libc.process_vm_readv(os.getppid(), local, 1, remote, 1, 0) < 0 and ctypes.get_errno() != errno.EFAULT:
        raise OSError(ctypes.get_errno(), "process_vm_readv")


def call(name: str, *arguments: object) -> None:
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def in_thread(attempt: Callable[[], object]) -> None:
    failures: list[OSError] = []

    def run() -> None:
        try:
            attempt()
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


attempts: dict[str, Callable[[], object]] = {
    "read a file": secret.read_bytes,
    "read a file in a thread": lambda: in_thread(secret.read_bytes),
    "read /etc/passwd": Path("/etc/passwd").read_bytes,
    "read its own environment": Path("/proc/self/environ").read_bytes,
    "read its parent's command": lambda: Path(f"/proc/{os.getppid()}/cmdline").read_bytes(),
    "list a folder": lambda: list(folder.iterdir()),
    "open a picture through libvips": lambda: pyvips.Image.new_from_file(str(folder / "picture.png")),
    "write a new file": lambda: (folder / "new").write_bytes(b""),
    "write a file it could read": lambda: secret.write_bytes(b"changed"),
    "make a folder": lambda: (folder / "made").mkdir(),
    "rename": lambda: (folder / "old").rename(folder / "renamed"),
    "remove": lambda: (folder / "doomed").unlink(),
    "link": lambda: (folder / "link").symlink_to("/etc/passwd"),
    "change a mode": lambda: secret.chmod(0o644),
    "change the mode of an open file": lambda: os.fchmod(handle, 0o644),
    "open a TCP socket": socket.socket,
    "open a Unix socket": lambda: socket.socket(socket.AF_UNIX),
    "make a socket pair": socket.socketpair,
    "fork": fork,
    "run a program": lambda: subprocess.run(["/bin/true"], check=True),
    "signal its parent": lambda: os.kill(os.getppid(), 0),
    "look at its parent": lambda: os.pidfd_open(os.getppid()),
    "read its parent's memory": peek,
    "make code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "make a file in memory": lambda: os.memfd_create("x"),
    "be dumpable again": lambda: call("prctl", 4, 1, 0, 0, 0),
    "outlive its parent": lambda: call("prctl", 1, 0, 0, 0, 0),
    "set its limits": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    "change its group of processes": lambda: os.setpgid(0, 0),
    "be nicer": lambda: os.setpriority(os.PRIO_PROCESS, 0, 1),
    "own an open file's signals": lambda: __import__("fcntl").fcntl(handle, 8, os.getpid()),
}
wanted: dict[str, Callable[[], object]] = {
    "read a shipped font": (native.FONTS / "NotoSans-Regular.ttf").read_bytes,
    "read an open file": lambda: os.pread(handle, 8, 0),
    "write an open file": lambda: os.pwrite(handle, b"output", 0),
    "compute in a thread": lambda: pyvips.Image.gaussnoise(256, 256).avg(),
    "draw text": lambda: pyvips.Image.text("Ag", font="Noto Sans 12").avg(),
    "time its CPU": lambda: cage.limit_cpu(5),
}


def outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except ValueError as error:  # how setrlimit says EPERM
        return str(error)
    except pyvips.Error:
        return "libvips refused"
    return "done"


native.load()
states = {}
if sys.argv[1] == "sealed":
    states["parent_death"] = cage.die_with_parent(os.getppid())
    states |= cage.seal([native.FONTS], memory_bytes=1 << 30, output_bytes=1 << 20)
report = {
    "states": states,
    "attempts": {name: outcome(attempt) for name, attempt in attempts.items()},
    "wanted": {name: outcome(attempt) for name, attempt in wanted.items()},
}
sys.stdout.write(json.dumps(report))
