"""A small disk of its own, that can be cut from its power or filled."""

import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

EXT4_IOC_SHUTDOWN, WITHOUT_LOG_FLUSH = 0x8004587D, 2


@dataclass
class Disk:
    """An ext4 file system in a file; it writes its journal by itself only every five minutes."""

    image: Path
    folder: Path

    def mount(self) -> None:
        subprocess.run(
            ["mount", "-o", "loop,commit=300", str(self.image), str(self.folder)],
            check=True,
            capture_output=True,
        )

    def unmount(self) -> None:
        subprocess.run(["umount", str(self.folder)], check=True, capture_output=True)

    def cut(self) -> None:
        """From now on nothing reaches the disk, not even the journal."""
        fd = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_LOG_FLUSH))
        finally:
            os.close(fd)


@contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[Disk]:
    """A fresh disk of that size under ``folder``; skips where there may be none."""
    disk = Disk(folder / "disk.ext4", folder / "mounted")
    disk.folder.mkdir()
    try:
        with disk.image.open("wb") as image:
            image.truncate(megabytes * 1024 * 1024)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(disk.image)], check=True, capture_output=True)
        disk.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs root, loop devices and mkfs.ext4: {error}")
    yield disk
    disk.unmount()


def opened(descriptor: int) -> tuple[int, int] | None:
    """Which file that is, if any: another thread may have got the number of one that was closed."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino
