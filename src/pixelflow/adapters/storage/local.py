"""Files on a local disk."""

import asyncio
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from io import FileIO
from itertools import islice
from pathlib import Path

from pixelflow.adapters.storage.durable import Flusher
from pixelflow.adapters.storage.layout import Layout, unfinished
from pixelflow.adapters.storage.syncer import Syncer, Unfinished
from pixelflow.ports.storage import Entry, Staged, Storage, Stored

READ_BYTES = 256 * 1024
LIST_BATCH = 512
INLINE_BYTES = 1024 * 1024
"""Up to this size a chunk is hashed and written (to the page cache) on the loop's own thread: 0.3 ms for the
400 KiB that the HTTP server hands over at most, less than a thread costs."""


class LocalStorage(Storage):
    """Inputs and assets under ``upload_dir``, outputs under ``output_dir``; keys lie as ``Layout`` says.

    ``clock`` gives Unix seconds. ``whole=False`` flushes file by file, as where ``syncfs`` cannot serve;
    ``links=False`` copies bytes, as where hard links cannot.
    """

    def __init__(
        self,
        upload_dir: Path,
        output_dir: Path,
        clock: Callable[[], float] = time.time,
        *,
        threads: int = 1,
        whole: bool = True,
        links: bool = True,
    ) -> None:
        self._links = links
        self._layout = Layout(upload_dir.absolute(), output_dir.absolute())
        self._clock = clock
        for root in self._layout.roots.values():
            root.mkdir(parents=True, exist_ok=True)
        self._flusher = Flusher(self._layout.roots.values(), whole=whole)
        self._syncer = Syncer(self._flusher, threads)

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> Stored:
        file = self.stage(key)
        file.hashed = hashlib.sha256()
        try:
            async for chunk in chunks:
                if len(chunk) > INLINE_BYTES:
                    await asyncio.to_thread(_write, file, chunk)
                else:
                    _write(file, chunk)
        except BaseException:
            file.forget()
            raise
        return (await self._syncer.finish([file]))[0]

    def stage(self, key: str) -> Unfinished:
        folder, name = self._layout.place(key)
        path = unfinished(folder, name, f"{secrets.token_hex(6)}.tmp")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            fd = os.open(path, flags, 0o640)
        except FileNotFoundError:
            Path(folder).mkdir(parents=True, exist_ok=True)
            fd = os.open(path, flags, 0o640)
        return Unfinished(key, fd, path, folder, name)

    async def stage_copy(self, source: str, key: str) -> Unfinished:
        fd = await self.open(source)
        try:
            if linked := self._linked(source, key, fd):
                return linked
            return await asyncio.to_thread(self._copied, key, fd)
        except BaseException:
            os.close(fd)
            raise

    def _linked(self, source: str, key: str, fd: int) -> Unfinished | None:
        """The same file under another name; ``None`` where that cannot be, as with too many names."""
        folder, name = self._layout.place(key)
        path = unfinished(folder, name, f"{secrets.token_hex(6)}.tmp")
        Path(folder).mkdir(parents=True, exist_ok=True)
        try:
            if not self._links:
                return None
            os.link(self._layout.path(source), path)
        except FileNotFoundError:
            raise KeyError(source) from None
        except OSError:
            return None
        os.utime(path)  # else the sweep would take it for an old file that nobody names
        return Unfinished(key, fd, path, folder, name)

    def _copied(self, key: str, fd: int) -> Unfinished:
        copy = self.stage(key)
        try:
            with FileIO(fd, closefd=False) as read, FileIO(copy.fd, "w", closefd=False) as written:
                shutil.copyfileobj(read, written)
        except BaseException:
            copy.forget()
            raise
        os.close(fd)
        return copy

    async def commit(self, staged: Sequence[Staged]) -> Sequence[Stored]:
        return await self._syncer.finish([_ours(file) for file in staged]) if staged else ()

    async def discard(self, staged: Sequence[Staged]) -> None:
        for file in staged:
            _ours(file).forget()

    async def open(self, key: str) -> int:
        try:
            return os.open(self._layout.path(key), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise KeyError(key) from None

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        fd = await self.open(key)
        try:
            while end is None or start < end:
                wanted = READ_BYTES if end is None else min(READ_BYTES, end - start)
                chunk = await asyncio.to_thread(os.pread, fd, wanted, start)
                if not chunk:
                    break
                start += len(chunk)
                yield chunk
        finally:
            os.close(fd)

    def local_path(self, key: str) -> Path | None:
        return Path(self._layout.path(key))

    async def delete(self, keys: Sequence[str]) -> None:
        paths = [Path(self._layout.path(key)) for key in keys]
        if paths:
            await asyncio.to_thread(_unlink, paths)

    async def list(self, older_than_seconds: float) -> AsyncIterator[Entry]:
        newest = self._clock() - older_than_seconds
        found = self._walk()
        while batch := await asyncio.to_thread(lambda: [*islice(found, LIST_BATCH)]):
            for entry in batch:
                if entry.modified_at <= newest:
                    yield entry

    def _walk(self) -> Iterator[Entry]:
        for kind, root in self._layout.roots.items():
            for tenant in _folders(root):
                for shard in _folders(Path(tenant.path)):
                    with os.scandir(shard) as files:
                        for file in files:
                            key = Layout.key(kind, tenant.name, file.name)
                            if key is None or not file.is_file(follow_symlinks=False):
                                continue
                            try:
                                facts = file.stat(follow_symlinks=False)
                            except FileNotFoundError:
                                continue
                            yield Entry(key, facts.st_size, facts.st_mtime)

    async def free_bytes(self) -> int | None:
        disks = [os.statvfs(root) for root in self._layout.roots.values()]
        return min(disk.f_bavail * disk.f_frsize for disk in disks)

    async def close(self) -> None:
        """Finish what waits, and end the threads."""
        await asyncio.to_thread(self._syncer.close)
        self._flusher.close()


def _write(file: Unfinished, chunk: bytes) -> None:
    written = os.write(file.fd, chunk)
    while written < len(chunk):
        written += os.write(file.fd, memoryview(chunk)[written:])
    if file.hashed:
        file.hashed.update(chunk)


def _ours(staged: Staged) -> Unfinished:
    assert isinstance(staged, Unfinished)
    return staged


def _unlink(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _folders(root: Path) -> Sequence[os.DirEntry[str]]:
    with os.scandir(root) as entries:
        return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
