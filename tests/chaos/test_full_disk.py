"""A disk that is full refuses new work and loses none; once it is freed, everything goes on."""

import os
from pathlib import Path

import pytest

from harness.disk import mounted
from harness.load import JOBS, PACED, WORKED, Load, ended
from harness.server import running_server

pytestmark = pytest.mark.root

MEGABYTES = 96
REFUSALS = (503, 507)


@pytest.mark.parametrize("min_free_bytes", [0, 8 * 1024 * 1024])
def test_nothing_acknowledged_is_lost(tmp_path: Path, min_free_bytes: int) -> None:
    """With a reserve the server refuses before it fails; without one it must fail well."""
    with mounted(tmp_path, MEGABYTES) as disk:
        home = disk.folder / "server"
        ballast = disk.folder / "ballast"
        with running_server(home, **WORKED, **PACED, MIN_FREE_BYTES=str(min_free_bytes)) as server:
            # The log of a server whose disk is full would be full too.
            load = Load(server, JOBS, REFUSALS)
            load.start()
            load.acknowledges(JOBS // 3)
            fill(ballast)
            load.wait_for(lambda: len(load.refused) >= 5)
            ballast.unlink()
            load.join(120)
            assert set(load.refused) <= set(REFUSALS)
            audited = ended(server, load, {"completed"})
        assert audited.clean, audited


def fill(path: Path) -> None:
    """Take every block that is left."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(os.urandom(size))
            except OSError:
                continue
