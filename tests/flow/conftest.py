"""A server as it is started, and somebody who calls it."""

from collections.abc import Iterator

import httpx
import pytest

from harness.elsewhere import Elsewhere, elsewhere
from harness.server import RunningServer, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One for all tests of a file; files that set something have their own."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as found:
        yield found


@pytest.fixture
def there() -> Iterator[Elsewhere]:
    """Another machine."""
    with elsewhere() as machine:
        yield machine
