"""A pool on a kernel without Landlock: a filter that every child inherits says that there is no such call.

``python without_landlock.py SANDBOX FOLDER`` prints what became of it.
"""

import asyncio
import ctypes
import json
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.pooling import outcome, running_pool
from pixelflow.domain.errors import StartupError

LANDLOCK_CREATE_RULESET, ENOSYS = 444, 38


def refuse_landlock() -> None:
    program = [
        (0x20, 0, 0, 0),  # load the number
        (0x15, 0, 1, LANDLOCK_CREATE_RULESET),
        (0x06, 0, 0, 0x00050000 | ENOSYS),
        (0x06, 0, 0, 0x7FFF0000),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    header = struct.pack("@HP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, ctypes.c_ulong(1), *(ctypes.c_ulong(0),) * 3) == 0
    assert libc.prctl(22, ctypes.c_ulong(2), header, 0, 0) == 0


async def main(sandbox: str, folder: Path) -> dict[str, object]:
    try:
        async with running_pool(folder, sandbox=sandbox) as bench:
            ended = type(await outcome(bench.submit())).__name__
            return {"cage": dict(bench.pool.cage), "outcome": ended}
    except StartupError as error:
        return {"refused": error.detail}


refuse_landlock()
print(json.dumps(asyncio.run(main(sys.argv[1], Path(sys.argv[2])))))
