"""A power cut loses nothing that was acknowledged: a file system is shut down without a flush."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import pytest

from harness.disk import Disk, mounted
from pixelflow.adapters.storage.local import LocalStorage
from pixelflow.adapters.store.sqlite import open_sqlite
from pixelflow.domain.job import JobState

pytestmark = pytest.mark.root

ACKNOWLEDGED = int(os.environ.get("CHAOS_ACKNOWLEDGED", "400"))
"""After so many acknowledgements the power goes."""
WRITER_SECONDS = 60.0
"""The writer ends by the failing disk long before."""
WRITER = Path(__file__).with_name("power_cut_writer.py")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path, megabytes=192) as disk:
        yield disk


@dataclass
class Acknowledged:
    """What the writer was promised before the power went: on a real machine it would have ended there."""

    until: float = inf
    jobs: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.jobs) + len(self.done) + len(self.files)

    def note(self, line: str) -> None:
        """A line is the moment of the acknowledgement on the monotonic clock, and what it was for."""
        moment, *words = line.split()
        if float(moment) >= self.until:
            return
        match words:
            case ["job", job_id]:
                self.jobs.add(job_id)
            case ["done", job_id]:
                self.done.add(job_id)
            case ["file", key, sha256]:
                self.files[key] = sha256


def cut_while_writing(disk: Disk, part: str, synchronous: str = "FULL", flush: str = "whole") -> Acknowledged:
    """Let the writer work, cut the power in the middle, and come back."""
    noted = Acknowledged()
    with subprocess.Popen(
        [sys.executable, str(WRITER), str(disk.folder), part, synchronous, flush],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        overdue = threading.Timer(WRITER_SECONDS, writer.kill)
        overdue.start()
        for line in writer.stdout:
            noted.note(line)
            if len(noted) == ACKNOWLEDGED and noted.until == inf:
                noted.until = time.monotonic()
                disk.cut()
        overdue.cancel()
    assert writer.returncode == 1, "the writer did not end by the failing disk"
    disk.unmount()
    disk.mount()
    assert len(noted) >= ACKNOWLEDGED
    return noted


async def lost(disk: Disk, noted: Acknowledged) -> int:
    """How much of what was acknowledged is not there, or not whole."""
    store = await open_sqlite(disk.folder / "jobs.db")
    storage = LocalStorage(disk.folder / "uploads", disk.folder / "outputs")
    missing = 0
    try:
        for job_id in noted.jobs | noted.done:
            job = await store.get("local", job_id)
            if job is None or (job_id in noted.done and job.state is not JobState.COMPLETED):
                missing += 1
        for key, sha256 in noted.files.items():
            try:
                content = b"".join([chunk async for chunk in storage.read(key)])
            except KeyError:
                missing += 1
            else:
                missing += hashlib.sha256(content).hexdigest() != sha256
    finally:
        await storage.close()
        await store.close()
    return missing


@pytest.mark.parametrize("flush", ["whole", "single"])
async def test_what_was_acknowledged_is_there_after_a_power_cut(disk: Disk, flush: str) -> None:
    noted = cut_while_writing(disk, "both", flush=flush)
    assert noted.jobs
    assert noted.done
    assert noted.files
    assert await lost(disk, noted) == 0


async def test_the_store_alone_keeps_what_it_acknowledged(disk: Disk) -> None:
    noted = cut_while_writing(disk, "store")
    assert await lost(disk, noted) == 0


@pytest.mark.parametrize("flush", ["whole", "single"])
async def test_the_storage_alone_keeps_what_it_acknowledged(disk: Disk, flush: str) -> None:
    noted = cut_while_writing(disk, "storage", flush=flush)
    assert await lost(disk, noted) == 0


async def test_a_store_that_does_not_sync_each_commit_loses_some(disk: Disk) -> None:
    """Else the tests above would prove nothing."""
    assert await lost(disk, cut_while_writing(disk, "store", synchronous="NORMAL")) > 0


async def test_a_storage_that_does_not_flush_loses_some(disk: Disk) -> None:
    """Else the tests above would prove nothing."""
    assert await lost(disk, cut_while_writing(disk, "storage", flush="none")) > 0
