"""What local files promise beyond the port."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from harness.disk import opened
from pixelflow.adapters.storage import open_storage
from pixelflow.adapters.storage.durable import Flusher
from pixelflow.adapters.storage.local import LocalStorage
from pixelflow.domain.errors import StartupError
from pixelflow.domain.keys import input_key, output_key


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[LocalStorage]:
    opened = LocalStorage(tmp_path / "uploads", tmp_path / "outputs")
    yield opened
    await opened.close()


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def test_inputs_and_outputs_lie_where_the_settings_say(storage: LocalStorage, tmp_path: Path) -> None:
    await storage.put(input_key("local", "job"), stream(b"in"))
    await storage.put(output_key("local", "job", 1, "step", "webp"), stream(b"out"))
    assert [path.read_bytes() for path in files(tmp_path / "uploads")] == [b"in"]
    assert [path.read_bytes() for path in files(tmp_path / "outputs")] == [b"out"]
    assert [path.suffix for path in files(tmp_path / "outputs")] == [".webp"]


async def test_a_jobs_outputs_share_a_folder_and_many_jobs_share_few(
    storage: LocalStorage, tmp_path: Path
) -> None:
    for job in range(600):
        staged = [
            storage.stage(output_key("local", f"job{job}", 1, step, "webp")) for step in ("a", "b", "c")
        ]
        assert len({file.folder for file in staged}) == 1
        await storage.discard(staged)
    folders = [path for path in (tmp_path / "outputs").rglob("*") if path.is_dir()]
    assert 200 < len(folders) <= 2 + 256


def take_away(path: str) -> None:
    Path(path).unlink()


async def test_one_commit_that_fails_leaves_nothing_and_harms_no_other(
    storage: LocalStorage, tmp_path: Path
) -> None:
    lost = [storage.stage(output_key("local", "lost", 1, step, "webp")) for step in ("a", "b")]
    kept = storage.stage(output_key("other", "kept", 1, "a", "webp"))
    before = opened(lost[0].fd)
    take_away(lost[1].path)
    ended = await asyncio.gather(storage.commit(lost), storage.commit([kept]), return_exceptions=True)
    assert isinstance(ended[0], FileNotFoundError)
    assert not isinstance(ended[1], BaseException)
    assert [path.name for path in files(tmp_path)] == ["kept,1,a.webp"]
    assert opened(lost[0].fd) != before


KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from pixelflow.adapters.storage.local import LocalStorage
storage = LocalStorage(Path(sys.argv[1]), Path(sys.argv[1]))
os.write(storage.stage("inputs/local/job/1").fd, b"half")
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_a_process_killed_while_writing_leaves_only_what_the_sweep_finds(tmp_path: Path) -> None:
    writer = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED_WRITER, str(tmp_path))
    assert await writer.wait() == -signal.SIGKILL
    storage = LocalStorage(tmp_path, tmp_path)
    [leftover] = [entry async for entry in storage.list(older_than_seconds=-60)]
    assert leftover.bytes == 4
    with pytest.raises(KeyError):
        await storage.open("inputs/local/job/1")
    await storage.delete([leftover.key])
    assert files(tmp_path) == []
    await storage.close()


async def test_a_closed_storage_says_so_and_keeps_nothing(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path, tmp_path)
    begun = storage.stage(output_key("local", "job", 1, "step", "webp"))
    finishing = asyncio.ensure_future(storage.put(input_key("local", "before"), stream(b"in time")))
    await asyncio.sleep(0)
    await storage.close()
    assert (await finishing).bytes == 7
    with pytest.raises(OSError, match="closed"):
        await storage.commit([begun])
    with pytest.raises(OSError, match="closed"):
        await storage.put(input_key("local", "after"), stream(b"too late"))
    assert [path.read_bytes() for path in files(tmp_path)] == [b"in time"]


async def test_foreign_files_are_not_the_sweeps(storage: LocalStorage, tmp_path: Path) -> None:
    await storage.put(input_key("local", "job"), stream(b"in"))
    folder = files(tmp_path)[0].parent
    for name in (".gitkeep", "notes (1).txt", "Thumbs.db~", ".DS_Store"):
        (folder / name).write_bytes(b"not ours")
    (folder / "link").symlink_to("/etc/passwd")
    assert [entry.bytes async for entry in storage.list(older_than_seconds=-60)] == [2]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.root
@pytest.mark.parametrize("chunk_bytes", [64 * 1024, 2 * 1024 * 1024])
async def test_a_full_disk_is_told_and_nothing_is_left(small_disk: Path, chunk_bytes: int) -> None:
    storage = LocalStorage(small_disk, small_disk)
    kept = await storage.put(input_key("local", "kept"), stream(b"kept"))
    with pytest.raises(OSError, match="No space left") as told:
        await storage.put(input_key("local", "job"), stream(*[os.urandom(chunk_bytes)] * 20))
    assert told.value.errno == errno.ENOSPC
    assert [entry.key async for entry in storage.list(older_than_seconds=-60)] == [kept.key]
    assert (await storage.free_bytes() or 0) > 400 * 1024
    await storage.put(input_key("local", "again"), stream(b"x" * 100_000))
    await storage.close()


@pytest.mark.parametrize("whole", [True, False])
def test_a_flush_takes_files_of_new_folders(tmp_path: Path, whole: bool) -> None:
    flusher = Flusher([tmp_path], whole=whole, slow_seconds=-1, avoid_seconds=60)
    for name in ("first", "after a slow one"):
        folder = tmp_path / name / "deeper"
        folder.mkdir(parents=True)
        fd = os.open(folder / "file", os.O_RDWR | os.O_CREAT)
        flusher.flush([(fd, str(folder))])
        os.close(fd)
    closed = fd
    with pytest.raises(OSError, match="Bad file descriptor"):
        flusher.flush([(closed, str(folder))])
    flusher.close()


def test_after_a_flush_that_failed_each_file_tells_of_itself(tmp_path: Path) -> None:
    flusher = Flusher([tmp_path])
    with (tmp_path / "file").open("wb") as file:
        os.close(flusher._devices[0])
        if flusher._syncfs is not None:
            with pytest.raises(OSError, match="Bad file descriptor"):
                flusher.flush([(file.fileno(), str(tmp_path / "gone"))])
        with pytest.raises(FileNotFoundError):  # as it is when files go one by one
            flusher.flush([(file.fileno(), str(tmp_path / "gone"))])


def test_the_address_names_both_folders(tmp_path: Path) -> None:
    storage = open_storage(f"file://?uploads={tmp_path}/up&outputs={tmp_path}/out")
    path = storage.local_path(output_key("local", "job", 1, "step", "webp"))
    assert path is not None
    assert path.is_relative_to(tmp_path / "out")
    asyncio.run(storage.close())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ftp://host", "there is file://"),
        ("files", "there is file://"),
        ("file:///data", "must read file://"),
        ("file://?uploads=a&outputs=b&speed=high", "must read file://"),
    ],
)
def test_an_address_that_names_nothing_stops_the_start(address: str, said: str) -> None:
    with pytest.raises(StartupError, match=said):
        open_storage(address)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match=r"cannot keep files in .*/file/up.*UPLOAD_DIR"):
        open_storage(f"file://?uploads={tmp_path}/file/up&outputs={tmp_path}/out")
