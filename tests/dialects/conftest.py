"""One real server for all dialects."""

import base64
from collections.abc import Iterator

import httpx
import pytest

from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Started as a person starts it."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[httpx.Client]:
    """For its address."""
    with httpx.Client(base_url=server.url, timeout=30) as found:
        yield found


@pytest.fixture(scope="session")
def png() -> bytes:
    """A photo of 300 × 200 pixels."""
    return encoded(photo(300, 200), "PNG")


@pytest.fixture(scope="session")
def png_base64(png: bytes) -> str:
    """The same as these services' clients send it."""
    return base64.b64encode(png).decode()
