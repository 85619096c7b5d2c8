"""A folder to run commands in, an album of pictures, and a server to send them to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.command import Command
from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server


@pytest.fixture
def pixelflow(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Three pictures, one of them in a folder below, and a text."""
    folder = tmp_path / "album"
    (folder / "rome").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(encoded(photo(320, 240)))
    (folder / "b.png").write_bytes(encoded(photo(100, 200), "PNG"))
    (folder / "rome" / "a.jpg").write_bytes(encoded(photo(240, 320, seed=1)))
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running
