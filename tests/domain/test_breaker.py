"""What keeps failing is left alone, then tried once."""

from harness.book import Time
from pixelflow.domain.breaker import Breaker, BreakerPolicy, Circuit, Circuits

POLICY = BreakerPolicy(failures=3, open_seconds=1, longest_seconds=4)
ERROR = OSError("away")


def opened() -> Breaker:
    breaker = Breaker(POLICY)
    for _ in range(3):
        breaker.failed(0, ERROR)
    return breaker


def test_failures_in_a_row_open_it_and_others_do_not() -> None:
    breaker = Breaker(POLICY)
    for _ in range(5):
        breaker.failed(0, ERROR)
        breaker.failed(0, ERROR)
        breaker.succeeded()
    assert (breaker.state(0), breaker.allows(0), breaker.error) == (Circuit.CLOSED, True, None)
    breaker = opened()
    assert (breaker.state(0), breaker.allows(0), breaker.seconds(0)) == (Circuit.OPEN, False, 1)
    assert breaker.error is ERROR


def test_one_call_tries_it_and_its_success_closes_it() -> None:
    breaker = opened()
    assert breaker.state(1) is Circuit.HALF_OPEN
    assert breaker.allows(1)
    assert not breaker.allows(1.5)
    breaker.succeeded()
    assert (breaker.state(1.5), breaker.allows(1.5), breaker.seconds(1.5)) == (Circuit.CLOSED, True, 0)


def test_a_trial_that_fails_opens_it_for_twice_as_long_up_to_a_bound() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(4):
        now += breaker.seconds(now)
        assert breaker.allows(now)
        breaker.failed(now, ERROR)
        waits.append(breaker.seconds(now))
    assert waits == [2, 4, 4, 4]


def test_calls_that_were_under_way_as_it_opened_do_not_keep_it_open_longer() -> None:
    breaker = opened()
    for _ in range(20):
        breaker.failed(0.5, ERROR)
    assert breaker.seconds(0.5) == 0.5


def test_a_trial_that_nobody_ends_is_forgotten() -> None:
    breaker = opened()
    assert breaker.allows(1)
    assert not breaker.allows(4.9)
    assert breaker.allows(5)


def test_a_trial_that_was_not_made_is_the_next_calls() -> None:
    breaker = opened()
    assert breaker.allows(1)
    breaker.unused(1)
    assert breaker.allows(1)


def test_work_that_needs_two_services_waits_for_both() -> None:
    time = Time()
    circuits = Circuits(time, Breaker(POLICY), Breaker(POLICY))
    assert circuits.allow()
    for _ in range(3):
        circuits.storage.failed(time.now, ERROR)
    assert (circuits.allow(), circuits.seconds()) == (False, 1)
    time.now += 1
    assert circuits.allow()
    assert circuits.trying
    assert not circuits.allow()
    circuits.storage.succeeded()
    assert circuits.allow()
    assert not circuits.trying
