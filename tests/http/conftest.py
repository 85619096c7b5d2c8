"""The served application, and pictures for it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.pictures import encoded, photo
from harness.site import Site, served


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all tests of a file."""
    with served(tmp_path_factory.mktemp("site")) as found:
        yield found


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """One with options of its own."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(served(tmp_path / "site", **options))


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """A small photo."""
    return encoded(photo(300, 200), "JPEG", quality=90)


@pytest.fixture(scope="session")
def webp() -> bytes:
    """What a step could have made of it."""
    return encoded(photo(150, 100), "WEBP")
