"""Memory that a virtual machine keeps while others are measured in it.

Many hosts take free memory back from their guests in blocks of 2 MB, and give it again at the first touch,
page by page: writing a file into such memory takes up to ten times as long, so that a measurement depends on
what ran before it. This process touches memory and frees it save one page in each 1 MB: no block is free as a
whole, and the host takes none.

``python ballast.py MEGABYTES`` prints a line when that is done, and holds on until its standard input ends.
"""

import mmap
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHARE = 0.4
"""Of the memory that is available; the rest is left for huge pages."""
KEPT_EVERY = 1 << 20


@contextmanager
def ballast() -> Iterator[None]:
    """Hold it meanwhile."""
    command = [sys.executable, __file__, str(int(available_mb() * SHARE))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        try:
            yield
        finally:
            process.stdin.close()


def available_mb() -> int:
    """Memory that could be had without swapping."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable"))


def hold(megabytes: int) -> None:
    size = megabytes << 20
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        for page in range(0, size, mmap.PAGESIZE):
            memory[page] = 1
        for kept in range(0, size, KEPT_EVERY):
            memory.madvise(mmap.MADV_DONTNEED, kept + mmap.PAGESIZE, KEPT_EVERY - mmap.PAGESIZE)
        print("held", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    hold(int(sys.argv[1]))
