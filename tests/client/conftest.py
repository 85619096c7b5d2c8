"""A real server for the clients, and a line to it that can be cut."""

from collections.abc import Iterator

import pytest

from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server
from pixelflow.client import Client

THUMB = [{"id": "thumb", "action": "thumbnail", "width": 120, "format": "webp"}]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[Client]:
    with Client(server.url, backoff_seconds=0.01) as talking:
        yield talking


@pytest.fixture(scope="session")
def picture() -> bytes:
    return encoded(photo(320, 240))


@pytest.fixture
def thumb() -> list[dict[str, object]]:
    return [dict(step) for step in THUMB]
