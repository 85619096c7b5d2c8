"""The cage, tried from inside by a real process."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from pixelflow.imaging import cage
from pixelflow.worker.process import ENVIRONMENT

PRISONER = Path(__file__).parent / "prisoner.py"
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the cage is made of parts of Linux")


@dataclass(frozen=True)
class Report:
    states: dict[str, str]
    attempts: dict[str, str]
    wanted: dict[str, str]


def run(mode: str, folder: Path) -> Report:
    for name in ("secret", "old", "doomed"):
        (folder / name).write_text("secret")
    Image.new("RGB", (8, 8)).save(folder / "picture.png")
    command = [sys.executable, "-I", str(PRISONER), mode, str(folder)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return Report(**json.loads(done.stdout))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return run("sealed", tmp_path_factory.mktemp("sealed"))


@linux_only
def test_every_part_holds(sealed: Report) -> None:
    assert set(sealed.states) == set(cage.PARTS)
    assert {part: state for part, state in sealed.states.items() if not state.startswith("on")} == {}


@linux_only
def test_a_sealed_process_can_do_no_harm(sealed: Report, tmp_path: Path) -> None:
    free = run("free", tmp_path)

    assert {name for name, ended in sealed.attempts.items() if ended == "done"} == set()
    # the same attempts succeed without the seal, so it is the seal that refuses them
    kept_from_everybody = {"read its parent's memory"}
    assert {name for name, ended in free.attempts.items() if ended != "done"} <= kept_from_everybody


@linux_only
def test_a_sealed_process_can_still_decode(sealed: Report) -> None:
    assert set(sealed.wanted.values()) == {"done"}


@linux_only
def test_a_thread_that_ran_before_the_seal_is_told() -> None:
    program = (
        "import json, threading\n"
        "from pixelflow.imaging import cage\n"
        "gate = threading.Event()\n"
        "thread = threading.Thread(target=gate.wait)\n"
        "thread.start()\n"
        "print(json.dumps(cage.seal([], memory_bytes=1 << 30, output_bytes=1)))\n"
        "gate.set()\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True, timeout=60)
    states = json.loads(done.stdout)

    assert states["landlock"].startswith("on (abi ") or states["landlock"] == (
        "missing: 2 threads ran before the seal"
    )
    assert states["seccomp"] == "on"


@linux_only
def test_a_process_whose_parent_is_gone_ends() -> None:
    program = "from pixelflow.imaging import cage; cage.die_with_parent(1); print('alive')"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True, timeout=60)

    assert os.getpid() != 1
    assert done.stdout == b""


def test_limits_hold() -> None:
    program = (
        "import os, tempfile\n"
        "from pixelflow.imaging import cage\n"
        "file = tempfile.TemporaryFile()\n"
        "cage.seal([], memory_bytes=600 << 20, output_bytes=1000)\n"
        "def tried(action):\n"
        "    try: return action()\n"
        "    except (OSError, MemoryError) as error: return type(error).__name__\n"
        "print(tried(lambda: os.write(file.fileno(), bytes(1000))),\n"
        "      tried(lambda: os.write(file.fileno(), bytes(1))),\n"
        "      tried(lambda: len(bytearray(1 << 30))),\n"
        "      tried(lambda: [os.dup(0) for _ in range(cage.OPEN_FILES)]))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True, timeout=60)

    assert done.stdout.split() == [b"1000", b"OSError", b"MemoryError", b"OSError"]
