"""Every way out, with names that the test resolves and this machine's own addresses opened."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from ipaddress import ip_network
from typing import Any

import pytest

from harness.elsewhere import Elsewhere, elsewhere
from harness.names import Make, Names
from pixelflow.adapters.egress.http import HttpEgress
from pixelflow.adapters.egress.rules import Rules
from pixelflow.ports.egress import Egress


def _http(
    names: Names, *, allow: Sequence[str] = ("127.0.0.0/8",), plain_http: bool = True, **options: Any
) -> Egress:
    rules = Rules([ip_network(text) for text in allow], plain_http=plain_http)
    return HttpEgress(rules, **{"resolve": names, "connect_seconds": 0.5, **options})


BACKENDS: dict[str, Callable[..., Egress]] = {"http": _http}


@pytest.fixture
def names() -> Names:
    return Names({"pictures.example": [["127.0.0.1"]], "others.example": [["127.0.0.1"]]})


@pytest.fixture(params=BACKENDS)
async def make(request: pytest.FixtureRequest, names: Names) -> AsyncIterator[Make]:
    made: list[Egress] = []

    def one(**options: Any) -> Egress:
        made.append(BACKENDS[request.param](names, **options))
        return made[-1]

    yield one
    for egress in made:
        await egress.close()


@pytest.fixture
def there() -> Iterator[Elsewhere]:
    with elsewhere() as server:
        yield server
