"""How a decoder process gives up everything that decoding does not need, for good."""

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pixelflow.domain.limits import MAX_REFERENCES, MAX_STEPS
from pixelflow.imaging import landlock, seccomp

PARTS = ("parent_death", "no_new_privs", "capabilities", "landlock", "rlimits", "dumpable", "seccomp")
"""In the order in which they close."""
MISSING = "missing: "
"""How the state of a part begins that does not hold; what follows is why."""
OPEN_FILES = 2 * (1 + MAX_REFERENCES) + MAX_STEPS + 32
"""Descriptors at once: all that is read, a copy of each while it is mapped, outputs, and its own."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NAME, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = (
    1,
    4,
    15,
    36,
    38,
)
_CAPABILITY_VERSION_3 = 0x20080522


def die_with_parent(parent: int) -> str:
    """Be killed when the thread that started this process ends; exits when ``parent`` has ended already."""
    state = _state(lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(0)
    return state


def call_process(name: str) -> None:
    """Have the system show the process under that name of up to 15 bytes, where it can."""
    if sys.platform == "linux":
        buffer = ctypes.create_string_buffer(name.encode())
        _prctl(_PR_SET_NAME, ctypes.addressof(buffer))


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """Become the parent of descendants whose own parents end meanwhile; raises OSError."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        _prctl(_PR_SET_CHILD_SUBREAPER, 0)


def threads() -> int:
    """How many this process has; 1 where the system does not tell."""
    listing = Path("/proc/self/task")
    return len(list(listing.iterdir())) if listing.exists() else 1


def seal(readable: Sequence[Path], *, memory_bytes: int, output_bytes: int) -> dict[str, str]:
    """Close every part but ``parent_death``; with one thread, for Landlock holds for that and its offspring.

    ``readable``: folders that may still be read; ``memory_bytes``: address space; ``output_bytes``: one file.
    Returns each part's state: ``on``, ``on (…)`` or ``missing: why``; never raises.
    """
    states = {
        "no_new_privs": _state(lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1)),
        "capabilities": _state(_drop_capabilities),
        "landlock": _state(lambda: _landlock(readable)),
        "rlimits": _state(lambda: _limit(memory_bytes, output_bytes), everywhere=True),
        "dumpable": _state(lambda: _prctl(_PR_SET_DUMPABLE, 0)),
    }
    states["seccomp"] = _state(seccomp.filter_calls)
    return states


def _state(close: Callable[[], str | None], *, everywhere: bool = False) -> str:
    if sys.platform != "linux" and not everywhere:
        return f"{MISSING}{sys.platform} has no such thing"
    try:
        detail = close()
    except (OSError, ValueError, NotImplementedError) as error:
        return f"{MISSING}{error}"
    return f"on ({detail})" if detail else "on"


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    rest = (ctypes.c_ulong(0),) * 3
    if libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), *rest) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _drop_capabilities() -> None:
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    if ctypes.CDLL(None, use_errno=True).capset(header, bytes(24)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _landlock(readable: Sequence[Path]) -> str:
    if (running := threads()) > 1:
        raise NotImplementedError(f"{running} threads ran before the seal")
    abi = landlock.restrict(readable)
    gaps = [gap for since, gap in ((3, "truncate"), (4, "tcp"), (6, "signals")) if abi < since]
    return f"abi {abi}" + (f", without {' and '.join(gaps)}" if gaps else "")


def _limit(memory_bytes: int, output_bytes: int) -> None:
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, output_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_AS, memory_bytes),
    ):
        _, hard = resource.getrlimit(kind)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def limit_cpu(seconds: int) -> None:
    """Let the process use that many more seconds of CPU, then SIGXCPU ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.getrlimit(resource.RLIMIT_CPU)[1]))
