"""Threads that finish files: hash, name, make durable, answer; all that wait together share one flush."""

import asyncio
import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread

from pixelflow.adapters.storage.durable import Flusher
from pixelflow.ports.storage import Stored

MAX_BATCH = 256
HASH_BUFFER_BYTES = 256 * 1024
GATHER_SECONDS = 0.003
"""After a batch of several, the next one waits so long for company; a lone file never waits."""
SMALL_BYTES = 64 * 1024
"""A file up to this size is hashed without a thread: handing it over would cost more."""


@dataclass(slots=True, eq=False)
class Unfinished:
    """A file that is being written at ``path`` and will lie in ``folder`` as ``name``."""

    key: str
    fd: int
    path: str
    folder: str
    name: str
    hashed: "hashlib._Hash | None" = None
    """The hash of all that was written, where it was taken on the way."""

    def forget(self) -> None:
        """Close and remove it."""
        _close(self.fd)
        _remove(self.path)


@dataclass(slots=True)
class _Work:
    files: Sequence[Unfinished]
    answer: asyncio.Future[Sequence[Stored]]
    stored: list[Stored] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    error: Exception | None = None

    def publish(self, buffer: memoryview) -> None:
        """Hash and name every file, once."""
        try:
            for file in self.files[len(self.stored) :]:
                self.stored.append(_publish(file, self.new, buffer))
        except OSError as error:
            self.error = error


class Syncer:
    """Small files are hashed and named at once, large ones on a thread, which also flushes all of them.

    One thread does some thousand files a second; more let one batch be hashed while another is flushed.
    """

    def __init__(self, flusher: Flusher, threads: int) -> None:
        self._flusher = flusher
        self._buffer = memoryview(bytearray(SMALL_BYTES))
        self._waiting: SimpleQueue[_Work | None] = SimpleQueue()
        self._closed = False
        self._threads = [Thread(target=self._run, name=f"storage-{i}", daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def finish(self, files: Sequence[Unfinished]) -> "asyncio.Future[Sequence[Stored]]":
        """Take the files over; the future has what was stored, or the OSError that left nothing of them.

        Raises OSError once it is closed.
        """
        if self._closed:
            for file in files:
                file.forget()
            raise OSError(errno.ESHUTDOWN, "the storage is closed")
        work = _Work(files, asyncio.get_running_loop().create_future())
        if all(file.hashed or os.fstat(file.fd).st_size <= SMALL_BYTES for file in files):
            work.publish(self._buffer)
        self._waiting.put(work)
        return work.answer

    def close(self) -> None:
        """Finish what waits, then end the threads."""
        self._closed = True
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        buffer = memoryview(bytearray(HASH_BUFFER_BYTES))
        crowded = False
        while (first := self._waiting.get()) is not None:
            if crowded:
                time.sleep(GATHER_SECONDS)
            batch, more = self._batch(first)
            crowded = len(batch) > 1
            try:
                self._flush(batch, buffer)
            except Exception as error:  # noqa: BLE001 — whatever it was, nobody may wait for ever
                for work in batch:
                    work.error = error
            by_loop: dict[asyncio.AbstractEventLoop, list[_Work]] = {}
            for work in batch:
                by_loop.setdefault(work.answer.get_loop(), []).append(work)
            for loop, done in by_loop.items():
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_resolve, done)
            if not more:
                return

    def _batch(self, first: _Work) -> tuple[list[_Work], bool]:
        batch = [first]
        while len(batch) < MAX_BATCH:
            try:
                work = self._waiting.get_nowait()
            except Empty:
                break
            if work is None:
                return batch, False
            batch.append(work)
        return batch, True

    def _flush(self, batch: Sequence[_Work], buffer: memoryview) -> None:
        for work in batch:
            if work.error is None:
                work.publish(buffer)
        good = [work for work in batch if work.error is None]
        try:
            self._flusher.flush([(file.fd, file.folder) for work in good for file in work.files])
        except OSError as error:
            for work in good:
                work.error = error


def _publish(file: Unfinished, new: list[str], buffer: memoryview) -> Stored:
    """Hash and name it; the flush may follow, since no row has the key yet, unless older bytes lie there."""
    size = os.fstat(file.fd).st_size
    digest = (file.hashed or _hash(file.fd, buffer)).hexdigest()
    final = f"{file.folder}/{file.name}"
    if os.path.lexists(final):
        os.fsync(file.fd)
    else:
        new.append(final)
    os.rename(file.path, final)  # noqa: PTH104 — strings on the hot path
    return Stored(file.key, size, digest)


def _hash(fd: int, buffer: memoryview) -> "hashlib._Hash":
    """sha256 of a whole file; hashlib and preadv let other threads run meanwhile."""
    digest = hashlib.sha256()
    offset = 0
    while read := os.preadv(fd, [buffer], offset):
        digest.update(buffer[:read])
        offset += read
    return digest


def _close(fd: int) -> None:
    with contextlib.suppress(OSError):  # the flush has told what there is to tell
        os.close(fd)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):  # gone already, or the disk fails: then it is the sweep's
        os.unlink(path)  # noqa: PTH108 — strings on the hot path


def _resolve(done: Sequence[_Work]) -> None:
    for work in done:
        for file in work.files:
            _close(file.fd)
            if work.error:
                _remove(file.path)
        if work.error:
            for path in work.new:
                _remove(path)
        if work.answer.done():
            continue  # nobody waits any more; the sweep finds what no row names
        if work.error:
            work.answer.set_exception(work.error)
        else:
            work.answer.set_result(work.stored)
