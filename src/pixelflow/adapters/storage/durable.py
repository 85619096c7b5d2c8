"""Making files survive a power cut, many at a time."""

import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

SLOW_SECONDS = 0.25
"""A flush of the whole file system that takes longer than this has other programs' data to write."""
AVOID_SECONDS = 10.0
"""For so long after that, files are flushed one by one."""


class Flusher:
    """Makes renamed files durable, with their folders.

    One ``syncfs`` serves any number of files and folders (0.05 ms each in batches, not 0.35 ms), but
    it also writes whatever else is dirty on that disk, so after a slow one files go one by one. Before Linux
    5.8 ``syncfs`` kept quiet about failed writes: there, and elsewhere, files always go one by one.
    """

    def __init__(
        self,
        roots: Iterable[Path],
        *,
        whole: bool = True,
        slow_seconds: float = SLOW_SECONDS,
        avoid_seconds: float = AVOID_SECONDS,
    ) -> None:
        tops = {str(root) for root in roots}
        # A descriptor learns of the write errors since it was opened, so these are opened before any write.
        by_device = {Path(top).stat().st_dev: top for top in tops}
        self._devices = [os.open(top, os.O_RDONLY | os.O_DIRECTORY) for top in by_device.values()]
        self._syncfs = _syncfs() if whole else None
        self._slow_seconds = slow_seconds
        self._avoid_seconds = avoid_seconds
        self._avoid_until = 0.0
        self._entered = {"/"}

    def flush(self, files: Iterable[tuple[int, str]]) -> None:
        """Flush open descriptors, each with the folder that holds its name; raises OSError."""
        started = time.monotonic()
        if self._syncfs is None or started < self._avoid_until:
            self._one_by_one(files)
            return
        for device in self._devices:
            if self._syncfs(device):
                error = ctypes.get_errno()
                # It is told once, and may be that of a file which comes next, whose own flush tells it too.
                self._avoid_until = time.monotonic() + self._avoid_seconds
                raise OSError(error, os.strerror(error))
        ended = time.monotonic()
        if ended - started > self._slow_seconds:
            self._avoid_until = ended + self._avoid_seconds

    def _one_by_one(self, files: Iterable[tuple[int, str]]) -> None:
        folders = set()
        for fd, folder in files:
            os.fsync(fd)
            folders.add(folder)
        for folder in folders:
            self._enter(folder)
            fsync_folder(folder)

    def _enter(self, folder: str) -> None:
        """The first time, the folders that lead there are flushed too, since they may be new."""
        if folder in self._entered:
            return
        above = str(Path(folder).parent)
        self._enter(above)
        fsync_folder(above)
        self._entered.add(folder)

    def close(self) -> None:
        """Give the descriptors back."""
        for device in self._devices:
            os.close(device)


def fsync_folder(folder: str) -> None:
    """Make the names in it durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _syncfs() -> Callable[[int], int] | None:
    if sys.platform != "linux" or tuple(map(int, os.uname().release.split(".")[:2])) < (5, 8):
        return None
    function = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    return None if function is None else lambda fd: int(function(fd))
