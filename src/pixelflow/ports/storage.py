"""Where bytes live."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that are durable under ``key``."""

    key: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored object as the sweep sees it; ``modified_at`` in Unix seconds."""

    key: str
    bytes: int
    modified_at: float


class Staged(Protocol):
    """A file being written by someone who gets only its descriptor; nobody sees the key until it is
    committed."""

    key: str
    fd: int


class Storage(Protocol):
    """Objects under keys that the server alone makes: ``inputs/<tenant>/…``, ``outputs/<tenant>/…``,
    ``assets/<tenant>/…``.

    What ``put`` and ``commit`` answer survives a power cut. Raises KeyError for a key that is not there and
    OSError when the disk or the service fails; a failed write leaves nothing behind.
    """

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> Stored:
        """Stream to ``key``; an exception from ``chunks`` leaves nothing behind and goes through."""

    def stage(self, key: str) -> Staged:
        """Open a descriptor to write to; ends with ``commit`` or ``discard``."""

    async def stage_copy(self, source: str, key: str) -> Staged:
        """Stage what lies under ``source`` once more, as cheaply as can be; its descriptor only reads."""

    async def commit(self, staged: Sequence[Staged]) -> Sequence[Stored]:
        """Hash, make durable and publish all of them; closes the descriptors."""

    async def discard(self, staged: Sequence[Staged]) -> None:
        """Forget them; closes the descriptors."""

    async def open(self, key: str) -> int:
        """A read-only descriptor of the whole object, the caller's to close."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``end`` (exclusive) in chunks."""

    def local_path(self, key: str) -> Path | None:
        """A path that the HTTP server may send from, where there is one."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove; a key that is not there is no error."""

    def list(self, older_than_seconds: float) -> AsyncIterator[Entry]:
        """Everything stored, unfinished writes included, last modified at least that long ago."""

    async def free_bytes(self) -> int | None:
        """What is left on the disk, where that has a meaning."""

    async def close(self) -> None:
        """Finish what was begun and give everything back."""
