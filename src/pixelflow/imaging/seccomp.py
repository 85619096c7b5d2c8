"""The system calls that decoding needs; the kernel refuses every other one.

Source: Documentation/userspace-api/seccomp_filter.rst of the Linux kernel; numbers from its unistd headers.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

# name: number on x86_64, on aarch64 (None where the architecture never had it)
_SYSCALLS: Mapping[str, tuple[int, int | None]] = {
    "read": (0, 63), "readv": (19, 65), "pread64": (17, 67), "preadv": (295, 69), "write": (1, 64),
    "writev": (20, 66), "pwrite64": (18, 68), "pwritev": (296, 70), "lseek": (8, 62), "close": (3, 57),
    "close_range": (436, 436), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "fstat": (5, 80),
    "newfstatat": (262, 79), "stat": (4, None), "lstat": (6, None), "statx": (332, 291),
    "access": (21, None), "faccessat": (269, 48), "open": (2, None), "openat": (257, 56),
    "getdents64": (217, 61), "fcntl": (72, 25), "ioctl": (16, 29), "ftruncate": (77, 46), "fsync": (74, 82),
    "fdatasync": (75, 83), "fadvise64": (221, 223), "poll": (7, None), "ppoll": (271, 73),
    "select": (23, None), "pselect6": (270, 72), "eventfd2": (290, 19), "pipe2": (293, 59),
    "recvmsg": (47, 212), "recvfrom": (45, 207), "brk": (12, 214), "mmap": (9, 222), "munmap": (11, 215),
    "mremap": (25, 216), "mprotect": (10, 226), "madvise": (28, 233), "mincore": (27, 232),
    "membarrier": (324, 283), "rseq": (334, 293), "set_robust_list": (273, 99),
    "get_robust_list": (274, 100), "set_tid_address": (218, 96), "futex": (202, 98), "clone": (56, 220),
    "exit": (60, 93), "exit_group": (231, 94), "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
    "sched_getattr": (315, 275), "sched_getparam": (143, 121), "sched_getscheduler": (145, 120),
    "sched_get_priority_max": (146, 125), "sched_get_priority_min": (147, 126), "getcpu": (309, 168),
    "gettid": (186, 178), "getpid": (39, 172), "getppid": (110, 173), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "tgkill": (234, 131),
    "prctl": (157, 167), "prlimit64": (302, 261), "getrlimit": (97, 163), "getrusage": (98, 165),
    "times": (100, 153), "sysinfo": (99, 179), "uname": (63, 160), "getrandom": (318, 278),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101), "gettimeofday": (96, 169), "time": (201, None), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
}  # fmt: skip
_FIRST_NEW = 424
"""From here on numbers are the same everywhere, and a libc that meets ENOSYS falls back to an older call."""


@dataclass(frozen=True, slots=True)
class _Argument:
    """A condition on the low 32 bits of one argument."""

    index: int
    kind: Literal["one_of", "all_bits", "no_bits"]
    values: tuple[int, ...]


_PROT_EXEC = 0x4
_CLONE_THREAD = 0x00010000 | 0x00000800 | 0x00000100  # a thread that shares signal handlers and memory
_CLONE_ELSEWHERE = 0x7E020000 | 0x2000  # new namespaces; a tracer's inheritance
_NOT_READING = 0o3 | 0o100 | 0o1000 | 0o20000000  # write, create, truncate, temporary file
_PR_SET_NAME, _PR_GET_NAME = 15, 16
_RLIMIT_CPU = 0
_F_DUPFD, _F_GETFD, _F_SETFD, _F_GETFL, _F_SETFL, _F_DUPFD_CLOEXEC = 0, 1, 2, 3, 4, 1030


def _conditions(process: int) -> Mapping[str, Sequence[_Argument]]:
    no_code = _Argument(2, "no_bits", (_PROT_EXEC,))
    return {
        "clone": [_Argument(0, "all_bits", (_CLONE_THREAD,)), _Argument(0, "no_bits", (_CLONE_ELSEWHERE,))],
        "tgkill": [_Argument(0, "one_of", (process,))],
        "prctl": [_Argument(0, "one_of", (_PR_SET_NAME, _PR_GET_NAME))],
        "prlimit64": [_Argument(0, "one_of", (0,)), _Argument(1, "one_of", (_RLIMIT_CPU,))],
        "fcntl": [
            _Argument(1, "one_of", (_F_DUPFD, _F_GETFD, _F_SETFD, _F_GETFL, _F_SETFL, _F_DUPFD_CLOEXEC))
        ],
        "mmap": [no_code],
        "mprotect": [no_code],
        "open": [_Argument(1, "no_bits", (_NOT_READING,))],
        "openat": [_Argument(2, "no_bits", (_NOT_READING,))],
    }


_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_SET_MODE_FILTER, _FLAG_TSYNC = 1, 1
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_ALLOW, _KILL_PROCESS = 0x7FFF0000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06


def filter_calls() -> None:
    """Put every thread under the filter; opening a file to read it is left to Landlock.

    A refused call answers EPERM, ioctl ENOTTY, one of the newest ENOSYS; another architecture's call kills.
    Raises OSError; NotImplementedError on an architecture without a list.
    """
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        raise NotImplementedError(f"no list of system calls for {machine}")
    code = _program(machine, os.getpid())
    body = b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
    buffer = ctypes.create_string_buffer(body, len(body))
    header = struct.pack("@HP", len(code), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    number = ctypes.c_long(_SECCOMP[machine])
    result: int = libc.syscall(number, ctypes.c_uint(_SET_MODE_FILTER), ctypes.c_uint(_FLAG_TSYNC), header)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if result > 0:
        raise OSError(errno.EBUSY, f"thread {result} cannot be put under the filter")


def _program(machine: str, process: int) -> list[tuple[int, int, int, int]]:
    """Classic BPF over ``struct seccomp_data``: (code, jump if true, jump if false, operand)."""
    code = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, 0),
    ]
    if machine == "x86_64":
        code += [(_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL_PROCESS)]
    conditions = _conditions(process)
    column = 0 if machine == "x86_64" else 1
    for name, numbers in _SYSCALLS.items():
        number = numbers[column]
        if number is None or name == "ioctl":
            continue
        checks = [line for condition in conditions.get(name, ()) for line in _check(condition)]
        code += [(_EQUAL, 0, len(checks) + 1, number), *checks, (_RETURN, 0, 0, _ALLOW)]
    ioctl = _SYSCALLS["ioctl"][column]
    assert ioctl is not None
    code += [(_EQUAL, 0, 1, ioctl), (_RETURN, 0, 0, _error(errno.ENOTTY))]
    code += [(_AT_LEAST, 0, 1, _FIRST_NEW), (_RETURN, 0, 0, _error(errno.ENOSYS))]
    code += [(_RETURN, 0, 0, _error(errno.EPERM))]
    return code


def _check(condition: _Argument) -> list[tuple[int, int, int, int]]:
    lines = [(_LOAD, 0, 0, 16 + 8 * condition.index)]  # both architectures are little endian
    refuse = (_RETURN, 0, 0, _error(errno.EPERM))
    match condition.kind:
        case "one_of":
            left = len(condition.values)
            lines += [(_EQUAL, left - place, 0, value) for place, value in enumerate(condition.values)]
        case "all_bits":
            (mask,) = condition.values
            lines += [(_AND, 0, 0, mask), (_EQUAL, 1, 0, mask)]
        case "no_bits":
            (mask,) = condition.values
            lines += [(_ANY_BIT, 0, 1, mask)]
    return [*lines, refuse]


def _error(number: int) -> int:
    return 0x00050000 | number
