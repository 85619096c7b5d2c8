"""One process owns a database file."""

import fcntl
import os
from pathlib import Path

from pixelflow.domain.errors import DatabaseOwned, StartupError

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph", "glusterfs"}
)
"""Where neither WAL's shared memory nor locks can be relied on (https://sqlite.org/wal.html)."""


class FileLock:
    """An exclusive lock that ends with the process; ``<database>.lock`` holds it and the owner's pid."""

    def __init__(self, database: Path) -> None:
        self._fd = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            raise DatabaseOwned(
                f"{database} is in use by process {owner}; stop that one first, or give this one a database "
                "of its own with DB_PATH"
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next process have it."""
        os.close(self._fd)


def refuse_network(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> None:
    """Raise StartupError for a folder on a network file system, as far as the kernel lists its mounts."""
    try:
        listed = mounts.read_text().splitlines()
    except OSError:
        return
    kind, longest = "", -1
    for line in listed:
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].replace("\\040", " ")
        if folder.is_relative_to(point) and len(point) >= longest:
            kind, longest = after.split(" ")[0], len(point)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StartupError(
            f"{folder} is on a network file system ({kind}), where SQLite cannot keep jobs safely; "
            "put DB_PATH on a local disk"
        )
