"""The pool in bad times: decoders that crash, hang, run out of memory, lie; tasks taken back."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.pooling import PATIENCE_SECONDS, Bench, outcome, running_pool, until
from pixelflow.domain.errors import StartupError
from pixelflow.domain.installed import has
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import wire
from pixelflow.worker.process import ENVIRONMENT
from pixelflow.worker.running import Died, Running, Stopped

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the cage is made of parts of Linux")
WRITTEN = wire.pack(wire.Written(wire.Made("thumb", "jpeg", 64, 48)))
WITHOUT_LANDLOCK = Path(__file__).parent / "without_landlock.py"


def paused(bench: Bench) -> int:
    """Stop the first decoder where it is: whatever it is given now, it hangs over."""
    pid = bench.pool.pids[0]
    os.kill(pid, signal.SIGSTOP)
    return pid


def end(pid: int, number: signal.Signals) -> None:
    os.kill(pid, number)
    os.kill(pid, signal.SIGCONT)  # the pending signal ends it before it runs on


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (signal.SIGSEGV, "crash", "SIGSEGV"),
        (signal.SIGABRT, "crash", "SIGABRT"),
        (signal.SIGKILL, "oom", "memory"),
        (signal.SIGXCPU, "timeout", "MAX_CPU_SECONDS"),
    ],
)
async def test_how_a_decoder_ended_is_told_by_its_running_task(
    tmp_path: Path, number: signal.Signals, kind: str, words: str
) -> None:
    async with running_pool(tmp_path) as bench:
        decoder = paused(bench)
        running, behind = bench.submit(), bench.submit()

        end(decoder, number)

        died = await outcome(running)
        assert isinstance(died, Died)
        assert (died.kind, words in died.detail) == (kind, True)
        # the task behind it was not begun: another decoder does it, and nobody notices
        assert isinstance(await outcome(behind), wire.Finished)


async def test_a_decoder_that_dies_idle_harms_no_task(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        (first,) = bench.pool.pids

        os.kill(first, signal.SIGSEGV)

        await until(lambda: bench.pool.pids != [first] and bench.pool.room == 2)
        assert isinstance(await outcome(bench.submit()), wire.Finished)


@linux_only
async def test_a_slot_is_back_after_little_work(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        os.kill(bench.pool.pids[0], signal.SIGKILL)
        await until(lambda: bench.pool.room == 0)

        await until(lambda: bench.pool.room == 2)

        # on an idle machine, seconds of CPU are the seconds that pass
        assert cpu_seconds(bench.pool.pids[0]) < 0.5


async def test_a_task_that_hangs_is_killed_at_its_deadline(tmp_path: Path) -> None:
    async with running_pool(tmp_path, job_seconds=0.5) as bench:
        paused(bench)
        running, behind = bench.submit(), bench.submit()

        died = await outcome(running)

        assert died == Died("timeout", "took longer than 0.5 seconds (MAX_JOB_SECONDS)")
        assert isinstance(await outcome(behind), wire.Finished)


async def test_the_deadline_counts_from_when_a_task_begins(tmp_path: Path) -> None:
    async with running_pool(tmp_path, job_seconds=1.0) as bench:
        paused(bench)
        first = bench.submit()
        behind = bench.submit()
        assert (first.begun, behind.begun) == (True, False)

        await outcome(first)

        assert isinstance(await outcome(behind), wire.Finished)
        assert behind.begun


async def test_stopping_the_running_task_kills_its_decoder(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        decoder = paused(bench)
        running, behind = bench.submit(), bench.submit()

        running.stop()

        assert await outcome(running) == Stopped()
        assert isinstance(await outcome(behind), wire.Finished)
        assert decoder not in bench.pool.pids


def hold_up(file: int) -> None:
    """Hold up the event loop until something is written."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not os.fstat(file).st_size:
        assert time.monotonic() < end
        time.sleep(0.002)


async def test_a_task_that_was_secretly_done_already_is_written_anew(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        alone, file = bench.file(), bench.file()
        await outcome(bench.submit(outputs=[alone]))
        running, behind = bench.submit(), bench.submit(outputs=[file])
        hold_up(file)  # nobody hears that the first is done and the second is begun

        running.stop()

        assert isinstance(await outcome(behind), wire.Finished)
        assert bench.content(file) == bench.content(alone)


async def test_stopping_a_waiting_task_leaves_the_running_one_alone(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        decoder = paused(bench)
        running, behind = bench.submit(), bench.submit()

        behind.stop()
        assert await outcome(behind) == Stopped()
        os.kill(decoder, signal.SIGCONT)

        assert isinstance(await outcome(running), wire.Finished)
        await until(lambda: bench.pool.room == 2)
        assert isinstance(await outcome(bench.submit()), wire.Finished)
        assert bench.pool.pids == [decoder]


async def test_a_stopped_task_that_waits_for_a_decoder_is_never_begun(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        decoder = paused(bench)
        tasks = [bench.submit() for _ in range(3)]

        tasks[2].stop()
        os.kill(decoder, signal.SIGCONT)

        assert [type(await outcome(task)) for task in tasks] == [wire.Finished, wire.Finished, Stopped]
        assert not tasks[2].begun


async def test_a_task_whose_caller_went_away_is_given_up(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        decoder = paused(bench)

        bench.submit().outcome.cancel()

        await until(lambda: decoder not in bench.pool.pids and bench.pool.room == 2)


async def test_stopping_at_any_moment_ends_every_task_once(tmp_path: Path) -> None:
    async with running_pool(tmp_path, size=2) as bench:
        ended: dict[type, int] = {}
        places = asyncio.Semaphore(4)

        async def one(number: int) -> None:
            async with places:
                await stopped(number)

        async def stopped(number: int) -> None:
            running = bench.submit()
            if number % 3 == 0:
                asyncio.get_running_loop().call_later(number % 7 / 1000, running.stop)
            result = await outcome(running)
            ended[type(result)] = ended.get(type(result), 0) + 1

        await asyncio.gather(*(one(number) for number in range(60)))

        assert ended.keys() <= {wire.Finished, Stopped}
        assert sum(ended.values()) == 60
        await until(lambda: bench.pool.room >= 4)


async def test_memory_that_runs_out_ends_the_task_and_not_the_pool(tmp_path: Path) -> None:
    side = 12_000
    limits = ImageLimits(max_image_area=side * side, max_image_frames_area=side * side)
    async with running_pool(tmp_path, limits, memory_bytes=400 << 20) as bench:
        step = {
            "id": "huge",
            "action": "resize",
            "width": side,
            "height": side,
            "fit": "fill",
            "enlarge": True,
        }
        turned = {"id": "turned", "action": "rotate", "angle": 90, "from": "huge"}
        running, behind = bench.submit(step, turned, limits=limits), bench.submit()

        died = await outcome(running)

        assert isinstance(died, Died)
        assert died.kind == "oom"
        assert isinstance(await outcome(behind), wire.Finished)


@pytest.mark.parametrize(
    ("name", "side"),
    [("webp", 5000), ("avif", 3500), *[("jxl", 2500)] * has("jxl"), *[("heic", 3500)] * has("heif")],
)
async def test_an_encoder_that_finds_no_memory_does_not_find_fault_with_the_step(
    tmp_path: Path, name: str, side: int
) -> None:
    limits = ImageLimits(max_image_area=side * side, max_image_frames_area=side * side)
    step = {"action": "resize", "width": side, "height": side, "fit": "fill", "enlarge": True}
    async with running_pool(tmp_path, limits, memory_bytes=400 << 20) as bench:
        died = await outcome(
            bench.submit({"id": "huge", **step, "format": name, "on_error": "skip"}, limits=limits)
        )

        assert isinstance(died, Died), died
        assert died.kind == "oom"
        assert "MAX_MEMORY_BYTES" in died.detail
        assert isinstance(await outcome(bench.submit()), wire.Finished)


@pytest.mark.parametrize(
    "lie",
    [
        wire.Ready({}, {}),
        wire.Finished([], [], wire.Facts("jpeg", 1, 1), {}),
        wire.Finished([wire.Made("other", "jpeg")], [], wire.Facts("jpeg", 1, 1), {}),
        wire.Finished([wire.Made("thumb", "../x")], [], wire.Facts("jpeg", 1, 1), {}),
        wire.Written(wire.Made("other", "jpeg")),
        wire.Written(wire.Made("thumb", "../x")),
        wire.Failed("cancelled", "no such code comes out of the cage"),
        wire.Failed("withdrawn", "nobody took it back"),
        wire.Failed("storage", "not an errno"),
    ],
    ids=lambda lie: f"{type(lie).__name__} {getattr(lie, 'code', '')}",
)
async def test_a_decoder_that_lies_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: wire.Reply
) -> None:
    taken_over(monkeypatch, tmp_path, says=wire.pack(lie))
    async with running_pool(tmp_path) as bench:
        decoder = bench.pool.pids

        died = await outcome(bench.submit())

        assert died == Died("crash", "the decoder sent what no decoder sends")
        assert not set(decoder) & set(bench.pool.pids)


@pytest.mark.parametrize(
    "noise",
    [
        b"\xff\xff\xff\xff",
        b"\x05\x00\x00\x00noise",
        bytes(4),
        wire.pack(wire.Progress(1)) * 1000,
        WRITTEN * 2,
        WRITTEN
        + wire.pack(wire.Finished([], [wire.Skipped("thumb", "x", "y")], wire.Facts("jpeg", 1, 1), {})),
    ],
    ids=["too long", "no message", "empty", "a flood", "written twice", "written and skipped"],
)
async def test_a_decoder_that_raves_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noise: bytes
) -> None:
    taken_over(monkeypatch, tmp_path, says=noise)
    async with running_pool(tmp_path) as bench:
        died = await outcome(bench.submit())

        assert died == Died("crash", "the decoder sent what no decoder sends")


@linux_only
def test_children_die_with_the_server(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from harness.pooling import running_pool\n"
        "async def main():\n"
        "    async with running_pool(Path(sys.argv[1]), size=2) as bench:\n"
        "        print(*bench.pool.pids, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    tests = str(Path(__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), tests], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        pids = [int(word) for word in server.stdout.readline().split()]
        assert len(pids) == 2
        assert all(running(pid) for pid in pids)
        server.kill()
    asyncio.run(until(lambda: not any(running(pid) for pid in pids)))


@linux_only
async def test_nothing_of_the_servers_environment_is_in_a_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNING_KEYS", "canary-3f9a1c")
    # outside of the cage, for a caged process shows its memory to nobody
    async with running_pool(tmp_path, sandbox="off") as bench:
        await outcome(bench.submit())
        (pid,) = bench.pool.pids

        assert environment(pid) == ENVIRONMENT
        assert b"canary-3f9a1c" not in memory(pid)
        assert b"VIPS_CONCURRENCY" in memory(pid)


@linux_only
@pytest.mark.parametrize("sandbox", ["required", "auto", "off"])
def test_a_kernel_that_lacks_a_part(tmp_path: Path, sandbox: str) -> None:
    command = [sys.executable, str(WITHOUT_LANDLOCK), sandbox, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])

    if sandbox == "required":
        assert "the cage lacks landlock (" in said["refused"]
        assert "SANDBOX=auto" in said["refused"]
    elif sandbox == "auto":
        assert said["cage"].pop("landlock").startswith("missing: ")
        assert {state.split(" ")[0] for state in said["cage"].values()} == {"on"}
        assert said["outcome"] == "Finished"
    else:
        assert set(said["cage"].values()) == {"off"}
        assert said["outcome"] == "Finished"


async def test_it_works_where_a_process_has_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.pidfd_open", raising=False)
    async with running_pool(tmp_path, max_jobs=3) as bench:
        (first,) = bench.pool.pids
        paused(bench)
        tasks = [bench.submit() for _ in range(2)]

        end(first, signal.SIGSEGV)

        assert [type(await outcome(task)) for task in tasks] == [Died, wire.Finished]
        for _ in range(4):
            assert isinstance(await outcome(bench.submit()), wire.Finished)
        await until(lambda: not running(first))


async def test_a_system_without_processes_to_spare_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_pool(tmp_path, fork=False) as bench:
        monkeypatch.setattr("sys.executable", "/nonexistent")

        with pytest.raises(StartupError, match="No such file"):
            await bench.pool.resize(2)

        monkeypatch.undo()
        await until(lambda: len(bench.pool.pids) == 2 and bench.pool.room == 4)


async def test_a_program_that_cannot_run_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(StartupError, match="a decoder does not start: it died of exit status 1"):
        async with running_pool(tmp_path):
            pass


async def test_hostile_pictures_end_in_a_result_or_a_reason(tmp_path: Path) -> None:
    folder = Path(__file__).parents[3] / "shared/images/hostile"
    if not folder.is_dir():
        pytest.skip("the collection is not there")
    step = {"id": "a", "action": "thumbnail", "width": 200, "format": "webp"}
    ended: dict[str, list[str]] = {}
    async with running_pool(tmp_path, size=2) as bench:
        first = bench.pool.pids
        tasks: dict[str, Running] = {}
        for file in sorted(folder.iterdir()):
            while not bench.pool.room:
                bench.room.clear()
                await bench.room.wait()
            tasks[file.name] = bench.submit(step, source=file.read_bytes() or b"\0")
        for name, task in tasks.items():
            ended.setdefault(describe(await outcome(task)), []).append(name)

        assert bench.pool.pids == first

    assert ended.keys() <= {"Finished", "corrupt", "unsupported", "limit", "invalid"}, ended
    assert sum(map(len, ended.values())) == len(tasks) > 0


def describe(ended: object) -> str:
    return ended.code if isinstance(ended, wire.Failed) else getattr(ended, "kind", type(ended).__name__)


def taken_over(monkeypatch: pytest.MonkeyPatch, folder: Path, says: bytes) -> None:
    """Decoders are from now on programs of an attacker, who answers a task with these bytes."""
    program = folder / "attacker"
    program.write_text(
        f"#!{sys.executable}\n"
        "import socket, sys\n"
        "line = socket.socket(fileno=int(sys.argv[4]))\n"
        f"line.sendall({wire.pack(wire.Ready({}, {}))!r})\n"
        "line.recv(1 << 20)\n"
        f"line.sendall({says!r})\n"
        "line.recv(1)\n"
    )
    program.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(program))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def environment(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(line.split("=", 1) for line in lines if line)


def memory(pid: int) -> bytes:
    found = bytearray()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as content:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, mode, *_ = line.split()
            start, stop = (int(address, 16) for address in span.split("-"))
            if mode.startswith("rw"):
                content.seek(start)
                found += content.read(stop - start) or b""
    return bytes(found)
