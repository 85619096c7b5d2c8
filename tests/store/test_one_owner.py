"""One process owns a database file, on a disk of its own machine."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pixelflow.adapters.store import open_store
from pixelflow.adapters.store.lock import refuse_network
from pixelflow.adapters.store.sqlite import open_sqlite
from pixelflow.domain.errors import StartupError

Start = Callable[[str], subprocess.Popen[str]]


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def test_a_second_process_is_refused_and_told_whose_it_is(other_process: Start, database: Path) -> None:
    owner = other_process("hold")
    assert first_line(owner) == "open"
    with pytest.raises(StartupError) as refused:
        await open_sqlite(database)
    assert str(database) in refused.value.detail
    assert f"process {owner.pid};" in refused.value.detail
    assert "DB_PATH" in refused.value.detail


@pytest.mark.parametrize("end", ["closed", "killed"])
async def test_the_next_process_may_have_it(other_process: Start, database: Path, end: str) -> None:
    owner = other_process("hold")
    assert first_line(owner) == "open"
    if end == "killed":
        owner.kill()
    owner.communicate(timeout=60)
    await (await open_sqlite(database)).close()


async def test_another_name_of_the_file_does_not_help(database: Path, tmp_path: Path) -> None:
    store = await open_sqlite(database)
    try:
        (tmp_path / "link").symlink_to(database.parent)
        with pytest.raises(StartupError, match=f"process {os.getpid()}"):
            await open_sqlite(tmp_path / "link" / database.name)
    finally:
        await store.close()


MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /mnt/share rw,relatime shared:9 - {kind} server:/export rw
31 22 0:27 / /mnt/sharedisk rw,relatime shared:9 - ext4 /dev/vdb rw
32 30 0:28 / /mnt/share/my\\040disk rw,relatime shared:9 - xfs /dev/vdc rw
"""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(kind=kind))
    for folder in ("/mnt/share", "/mnt/share/data"):
        with pytest.raises(StartupError, match=f"network file system \\({kind}\\).*DB_PATH"):
            refuse_network(Path(folder), mounts)
    for folder in ("/", "/mnt", "/mnt/sharedisk", "/mnt/share/my disk/data", "/srv"):
        refuse_network(Path(folder), mounts)


def test_a_system_that_lists_no_mounts_is_trusted(tmp_path: Path) -> None:
    refuse_network(tmp_path, tmp_path / "not there")


@pytest.mark.parametrize(
    "address", ["mysql://host/db", "jobs.db", "sqlite:", "sqlite://", "sqlite:///", "", "sqlite://jobs.db"]
)
async def test_an_address_of_no_store_says_which_there_are(address: str) -> None:
    with pytest.raises(StartupError, match="sqlite://"):
        await open_store(address, lambda: 0.0)


async def test_addresses_are_relative_with_three_slashes_and_absolute_with_four(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await (await open_store("sqlite:///here/jobs.db", lambda: 0.0)).close()
    await (await open_store(f"sqlite:///{tmp_path}/there/jobs.db", lambda: 0.0)).close()
    assert (tmp_path / "here" / "jobs.db").is_file()
    assert (tmp_path / "there" / "jobs.db").is_file()


async def test_a_place_that_cannot_be_written_is_said_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "jobs.db", tmp_path / "folder"):
        with pytest.raises(StartupError, match="DB_PATH"):
            await open_sqlite(path)
