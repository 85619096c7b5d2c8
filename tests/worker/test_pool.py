"""The pool in good times: tasks, progress of its own size, replacement, the end."""

import asyncio
import errno
import os
import signal
from io import BytesIO
from pathlib import Path

import pytest
import uvloop
from PIL import Image

from harness.pooling import PATIENCE_SECONDS, Bench, outcome, running_pool, until
from pixelflow.domain.errors import Busy, StartupError
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import cage, wire
from pixelflow.worker.running import Running, Stopped
from pixelflow.worker.slot import AHEAD_SECONDS, MOST_PLACES, PLACES, places


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_task_is_done_and_its_output_written(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        written = bench.file()
        done = await outcome(bench.submit(outputs=[written]))

        assert isinstance(done, wire.Finished)
        assert done.made == [wire.Made("thumb", "jpeg", 64, 48)]
        assert Image.open(BytesIO(bench.content(written))).size == (64, 48)


async def test_a_picture_that_cannot_be_decoded_fails_and_the_decoder_stays(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        decoder = bench.pool.pids

        refused = await outcome(bench.submit(source=b"not a picture"))

        assert isinstance(refused, wire.Failed)
        assert refused.code == "unsupported"
        assert bench.pool.pids == decoder


async def test_the_cage_and_the_versions_are_told(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        assert set(bench.pool.cage) == set(cage.PARTS)
        assert "libvips" in bench.pool.versions


async def test_room_is_two_tasks_a_decoder(tmp_path: Path) -> None:
    async with running_pool(tmp_path, size=2) as bench:
        assert (bench.pool.room, bench.pool.busy) == (4, 0)
        tasks = [bench.submit() for _ in range(4)]
        assert (bench.pool.room, bench.pool.busy) == (0, 2)
        assert [task.begun for task in tasks] == [True, True, False, False]
        bench.room.clear()

        await asyncio.wait_for(bench.room.wait(), PATIENCE_SECONDS)

        assert bench.pool.room > 0
        assert [type(await outcome(task)) for task in tasks] == [wire.Finished] * 4


async def test_more_than_fits_waits_and_much_more_is_refused(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        tasks = [bench.submit() for _ in range(PLACES + MOST_PLACES)]

        with pytest.raises(Busy):
            bench.submit()

        assert {type(await outcome(task)) for task in tasks} == {wire.Finished}


@pytest.mark.parametrize(
    ("usual_seconds", "expected"),
    [(0, MOST_PLACES), (0.001, MOST_PLACES), (0.012, 3), (AHEAD_SECONDS, PLACES), (60, PLACES)],
)
def test_short_tasks_have_more_places_than_long_ones(usual_seconds: float, expected: int) -> None:
    assert places(usual_seconds) == expected


def test_it_works_on_uvloop_too(tmp_path: Path) -> None:
    async def story() -> None:
        async with running_pool(tmp_path, size=2) as bench:
            await work(bench, 30)
            (victim, _) = bench.pool.pids
            os.kill(victim, signal.SIGKILL)
            await until(lambda: victim not in bench.pool.pids)
            await work(bench, 10)

    uvloop.run(story())


async def test_it_grows_and_shrinks_while_it_works(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        working = asyncio.create_task(work(bench, 150))
        for size in (3, 1, 2):
            await bench.pool.resize(size)
            assert bench.pool.size == size
            await until(lambda size=size: len(bench.pool.pids) == size)

        await working


async def test_a_shrinking_pool_finishes_what_it_has(tmp_path: Path) -> None:
    async with running_pool(tmp_path, size=2) as bench:
        tasks = [bench.submit() for _ in range(4)]

        await bench.pool.resize(1)

        assert [type(await outcome(task)) for task in tasks] == [wire.Finished] * 4
        await until(lambda: len(bench.pool.pids) == 1)


async def test_decoders_are_replaced_after_a_number_of_jobs_and_no_task_is_lost(tmp_path: Path) -> None:
    async with running_pool(tmp_path, size=2, max_jobs=10) as bench:
        first = set(bench.pool.pids)

        await work(bench, 100)

        await until(lambda: not first & set(bench.pool.pids))
        await until(lambda: len(bench.pool.pids) == 2)


async def test_a_decoder_that_keeps_too_much_memory_is_replaced(tmp_path: Path) -> None:
    async with running_pool(tmp_path, max_rss_bytes=1 << 20) as bench:
        (first,) = bench.pool.pids

        await outcome(bench.submit())

        await until(lambda: bench.pool.pids != [first] and bench.pool.room == 2)
        await until(lambda: not alive(first))


async def test_the_end_leaves_no_process_and_no_task(tmp_path: Path) -> None:
    async with running_pool(tmp_path, size=2) as bench:
        tasks = [bench.submit() for _ in range(6)]
        pids = bench.pool.pids

        await bench.pool.close()

        assert [pid for pid in pids if alive(pid)] == []
        assert [await outcome(task) for task in tasks] == [Stopped()] * 6


async def test_a_full_disk_is_no_fault_of_the_task(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        full = os.open("/dev/full", os.O_WRONLY)
        with pytest.raises(OSError, match="could not read its source or write an output") as caught:
            await outcome(bench.submit(outputs=[full]))
        os.close(full)

        assert caught.value.errno == errno.ENOSPC
        assert isinstance(await outcome(bench.submit()), wire.Finished)


async def test_an_output_larger_than_allowed_fails(tmp_path: Path) -> None:
    limits = ImageLimits(max_output_bytes=1000)
    async with running_pool(tmp_path, limits) as bench:
        # the task itself names a larger limit: the process has its own
        step = {"id": "a", "action": "thumbnail", "width": 300, "format": "png"}
        failed = await outcome(bench.submit(step))

        assert isinstance(failed, wire.Failed)
        assert (failed.code, "MAX_OUTPUT_BYTES" in failed.message) == ("limit", True)


async def test_a_decoder_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with running_pool(tmp_path, fork=False) as bench:
        monkeypatch.setattr("sys.executable", "/bin/false")

        with pytest.raises(StartupError, match="exit status 1"):
            await bench.pool.resize(2)

        assert bench.pool.room == 2
        await until(lambda: not bench.pool.healthy)
        monkeypatch.undo()
        await until(lambda: bench.pool.healthy and len(bench.pool.pids) == 2)


async def test_a_program_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="not ready after"):
        async with running_pool(tmp_path, start_seconds=0.01):
            pass


async def work(bench: Bench, tasks: int) -> None:
    """That many tasks, as many at a time as there is room for; all of them finish."""
    running: list[Running] = []
    for _ in range(tasks):
        while not bench.pool.room:
            bench.room.clear()
            await asyncio.wait_for(bench.room.wait(), PATIENCE_SECONDS)
        running.append(bench.submit())
    ended = [await outcome(task) for task in running]
    assert [each for each in ended if not isinstance(each, wire.Finished)] == []
