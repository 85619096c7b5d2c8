"""How long others ask to be left alone."""

import pytest

from pixelflow.domain.retry_after import asked_seconds

NOW = 1_772_366_400.0
"""2026-03-01 12:00:00 UTC."""


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("9" * 5000, 999_999_999_999_999.0),
    ],
)
def test_seconds_and_moments_are_understood(header: str, seconds: float) -> None:
    assert asked_seconds(header, NOW) == seconds


@pytest.mark.parametrize("header", [None, "", "soon", "-5", "1.5", "²", "٣", "Sun, 99 Mar 2026 12:01:30 GMT"])
def test_anything_else_says_nothing(header: str | None) -> None:
    assert asked_seconds(header, NOW) is None
