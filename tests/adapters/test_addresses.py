"""How an address finds its backend."""

import pytest

from pixelflow.adapters.addresses import opener
from pixelflow.domain.errors import StartupError

OPENERS = {"memory": "here", "redis": "there"}


@pytest.mark.parametrize("address", ["redis://", "redis://host:6379/0", "REDIS://host", "redis://a://b"])
def test_the_scheme_decides_in_either_case(address: str) -> None:
    assert opener("QUEUE", address, OPENERS) == "there"


@pytest.mark.parametrize("address", ["", "redis", "redis:", "redis:/host", "://host", "kafka://host"])
def test_any_other_is_told_the_setting_its_value_and_the_schemes_there_are(address: str) -> None:
    with pytest.raises(StartupError) as refused:
        opener("QUEUE", address, OPENERS)
    said = f"QUEUE={address!r} names no backend that is installed; there is memory://, redis://"
    assert str(refused.value) == said
