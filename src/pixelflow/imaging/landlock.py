"""Landlock: this process opens nothing any more but what is beneath the folders it names.

Source: Documentation/userspace-api/landlock.rst of the Linux kernel.
"""

import ctypes
import os
import struct
from collections.abc import Sequence
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_NEWEST_ABI = 7


def restrict(readable: Sequence[Path]) -> int:
    """Refuse all files but reading beneath ``readable``; TCP; signals and abstract sockets to others.

    Holds for the calling thread and all that it starts later, not for others that run already.
    Returns the ABI that holds, of which 4 adds TCP and 6 adds signals and sockets; raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def call(number: int, *arguments: object) -> int:
        result: int = libc.syscall(ctypes.c_long(number), *arguments)
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    abi = min(
        call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_CREATE_RULESET_VERSION)), _NEWEST_ABI
    )
    attributes = _attributes(abi)
    ruleset = call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0))
    try:
        for folder in readable:
            handle = os.open(folder, os.O_PATH | os.O_CLOEXEC)
            try:
                rule = struct.pack("=Qi", _READ_FILE | _READ_DIR, handle)
                call(
                    _ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH_BENEATH), rule, ctypes.c_uint(0)
                )
            finally:
                os.close(handle)
        call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0))
    finally:
        os.close(ruleset)
    return abi


def _attributes(abi: int) -> bytes:
    """``struct landlock_ruleset_attr``: every right that this ABI can take away."""
    files = (1 << 13) - 1  # execute, write, read, list, remove and make of each kind
    files |= (1 << 13) * (abi >= 2)  # link and rename across folders
    files |= (1 << 14) * (abi >= 3)  # truncate
    files |= (1 << 15) * (abi >= 5)  # ioctl on devices
    bind_and_connect = 0b11
    abstract_sockets_and_signals = 0b11
    fields = [files]
    if abi >= 4:
        fields.append(bind_and_connect)
    if abi >= 6:
        fields.append(abstract_sockets_and_signals)
    return struct.pack(f"={len(fields)}Q", *fields)
