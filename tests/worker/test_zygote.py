"""Decoders that are forked from a prepared process: what they share, and what happens when it dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.pooling import Bench, outcome, running_pool, until
from pixelflow.imaging import cage, wire

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to a supervisor")


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def open_files(pid: int) -> list[str]:
    return [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]


def an_orphan() -> int:
    """A process whose parent has just ended."""
    told = subprocess.run(["sh", "-c", "sleep 60 >&- 2>&- & echo $!"], capture_output=True, check=True)
    return int(told.stdout)


def private_bytes(pid: int) -> int:
    """Memory that it shares with nobody."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private"))


def zygote_of() -> int:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    (found,) = (int(pid) for pid in children if name(int(pid)) == "pf-zygote")
    return found


async def done(bench: Bench) -> bool:
    return isinstance(await outcome(bench.submit()), wire.Finished)


async def test_decoders_are_our_own_children_with_a_name_a_session_and_a_cage(tmp_path: Path) -> None:
    async with running_pool(tmp_path, size=2) as bench:
        for pid in bench.pool.pids:
            assert "imaging.zygote" in command(pid)
            assert (name(pid), parent(pid), os.getsid(pid)) == ("pf-decoder", os.getpid(), pid)
        assert bench.pool.cage.keys() == set(cage.PARTS)
        assert await done(bench)


async def test_they_share_what_was_loaded(tmp_path: Path) -> None:
    folders = tmp_path / "forked", tmp_path / "own"
    for folder in folders:
        folder.mkdir()
    async with running_pool(folders[0]) as forked, running_pool(folders[1], fork=False) as own:
        assert await done(forked)
        assert await done(own)

        assert private_bytes(*forked.pool.pids) < 0.6 * private_bytes(*own.pool.pids)


async def test_without_a_zygote_a_decoder_starts_by_itself_and_a_new_one_comes(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        (first,) = bench.pool.pids
        dead = zygote_of()
        os.kill(dead, signal.SIGKILL)
        assert await done(bench), "a decoder outlives the zygote"

        os.kill(first, signal.SIGKILL)
        await until(lambda: bench.pool.room > 0 and bench.pool.pids != [first])
        (second,) = bench.pool.pids
        assert "imaging.child" in command(second)
        assert await done(bench)

        await until(lambda: bench.pool.zygote not in {None, dead})
        os.kill(second, signal.SIGKILL)
        await until(lambda: bench.pool.room > 0 and bench.pool.pids != [second])
        assert "imaging.zygote" in command(*bench.pool.pids)
        assert await done(bench)


async def test_a_zygote_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        stuck = zygote_of()
        os.kill(stuck, signal.SIGSTOP)

        await bench.pool.resize(2)

        assert "imaging.child" in command(bench.pool.pids[1])
        assert not exists(stuck)


async def test_nothing_is_left_of_a_closed_pool(tmp_path: Path) -> None:
    async with running_pool(tmp_path, size=2) as bench:
        pids = [*bench.pool.pids, zygote_of()]

    assert not [pid for pid in pids if exists(pid)]


async def test_orphans_of_others_stay_those_of_others(tmp_path: Path) -> None:
    """Adopting is over when a decoder is there: who embeds a pool does not become everybody's parent."""
    async with running_pool(tmp_path):
        orphan = an_orphan()
        try:
            assert parent(orphan) != os.getpid()
        finally:
            os.kill(orphan, signal.SIGKILL)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a sealed process")
async def test_a_decoder_holds_no_line_but_its_own(tmp_path: Path) -> None:
    async with running_pool(tmp_path, size=2) as bench:
        assert await done(bench)
        for pid in bench.pool.pids:
            files = open_files(pid)
            assert len([file for file in files if file.startswith("socket:")]) == 1, files
            assert len(files) == 4, files
