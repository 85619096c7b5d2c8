"""When what failed is tried again."""

import pytest

from pixelflow.domain.backoff import Backoff


def test_the_longest_pause_doubles_up_to_a_bound() -> None:
    backoff = Backoff(first_seconds=1, longest_seconds=10, tries=9)
    assert [backoff.pause(failures, 1.0) for failures in range(1, 7)] == [1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize("chance", [0.0, 0.25, 1.0])
def test_each_pause_is_a_random_part_of_the_longest(chance: float) -> None:
    assert Backoff(first_seconds=2, longest_seconds=60).pause(3, chance) == 8 * chance


def test_after_so_many_tries_there_is_no_next() -> None:
    backoff = Backoff(tries=3)
    assert backoff.pause(2, 0.5) is not None
    assert backoff.pause(3, 0.5) is None


def test_even_a_job_that_never_gives_up_waits_no_longer_than_the_bound() -> None:
    assert Backoff(1, 60, tries=10_000).pause(9_999, 1.0) == 60
