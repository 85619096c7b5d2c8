"""Machines that do not answer are left alone, each for its own and one tenant's jobs."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from harness.book import Time, job
from pixelflow.control.hosts import BACK_SECONDS, LONGEST_SECONDS, Hosts, NotNow, StillAway
from pixelflow.domain.breaker import BreakerPolicy, Circuit
from pixelflow.domain.errors import EgressRefused, RemoteLeftAlone, TransferFailed
from pixelflow.domain.job import Job

POLICY = BreakerPolicy(failures=3, open_seconds=1, longest_seconds=4)
DEAD = "https://dead.example/a.png?key=hidden"
AWAY = ConnectionError("dead.example cannot be reached")


def a_job(tenant: str = "local", waited: float = 0, **facts: Any) -> Job:
    return replace(job(tenant, **facts), queued_at=1000.0, started_at=1000.0 + waited)


def call(hosts: Hosts, url: str = DEAD, error: BaseException | None = None, of: Job | None = None) -> None:
    with hosts.called(of or a_job(), url):
        if error is not None:
            raise error


def fail(hosts: Hosts, times: int = 3, **facts: Any) -> None:
    for _ in range(times):
        with pytest.raises(OSError, match="reached"):
            call(hosts, error=AWAY, **facts)


def sent_away(hosts: Hosts, of: Job | None = None) -> float:
    with pytest.raises(RemoteLeftAlone) as raised:
        hosts.enter(of or a_job(), DEAD)
    seconds: float = raised.value.extra["wait_seconds"]
    assert "hidden" not in raised.value.detail
    return seconds


def test_after_failures_in_a_row_it_is_not_called_until_one_job_tries() -> None:
    time = Time()
    hosts = Hosts(POLICY, clock=time)
    fail(hosts, 2)
    call(hosts)
    assert hosts.states() == {}, "a success forgets the failures"
    fail(hosts)
    assert sent_away(hosts) == pytest.approx(1, abs=0.1)
    assert hosts.states() == {Circuit.OPEN: 1}
    (host,) = hosts._failing.values()
    assert host.breaker.error is not None
    assert host.breaker.error.__traceback__ is None, "it holds on to whatever was under way"

    time.now += 1
    trial, other = a_job(), a_job()
    hosts.enter(trial, DEAD)
    assert sent_away(hosts, other) == pytest.approx(1, abs=0.1), "others come back soon"
    call(hosts, of=trial)
    hosts.enter(other, DEAD)
    assert hosts.states() == {}


def test_a_trial_that_fails_opens_it_for_longer() -> None:
    time = Time()
    hosts = Hosts(POLICY, clock=time)
    fail(hosts)
    for seconds in (2, 4, 4):
        time.now += 4
        with pytest.raises(RemoteLeftAlone) as raised:  # it costs the job that tried no more than the others
            call(hosts, error=AWAY)
        assert raised.value.extra["wait_seconds"] == pytest.approx(seconds, abs=0.1)
        assert sent_away(hosts) == pytest.approx(seconds, abs=0.1)
    time.now += 4
    with pytest.raises(StillAway):
        call(hosts, error=AWAY, of=a_job(waited=hosts.wait_seconds))


@pytest.mark.parametrize(
    "error",
    [
        NotNow("answers 429"),
        TransferFailed("source_denied", "answers 403"),
        PermissionError("no"),
        KeyError(),
    ],
)
def test_an_answer_is_none_of_its_failures(error: Exception) -> None:
    hosts = Hosts(POLICY)
    fail(hosts, 2)
    with pytest.raises(type(error)):
        call(hosts, error=error)
    assert hosts.states() == {}


@pytest.mark.parametrize("error", [asyncio.CancelledError(), EgressRefused("not public")])
def test_a_trial_that_was_not_made_is_the_next_jobs(error: BaseException) -> None:
    time = Time()
    hosts = Hosts(POLICY, clock=time)
    fail(hosts)
    time.now += 1
    with pytest.raises(type(error)):
        call(hosts, error=error)
    hosts.enter(a_job(), DEAD)


def test_it_is_left_alone_for_one_tenant_and_by_scheme_host_and_port() -> None:
    hosts = Hosts(POLICY)
    fail(hosts)
    sent_away(hosts)
    hosts.enter(a_job("other"), DEAD)
    for url in (
        "https://dead.example:8443/",
        "http://dead.example/",
        "https://alive.example/",
        "s3://dead.example/",
    ):
        hosts.enter(a_job(), url)
    with pytest.raises(RemoteLeftAlone):
        hosts.enter(a_job(), "https://DEAD.example/other.png")


def test_those_that_are_sent_away_come_back_one_after_the_other() -> None:
    hosts = Hosts(POLICY, clock=Time(), chance=lambda: 0.5)
    fail(hosts)
    waits = [sent_away(hosts) for _ in range(100)]
    assert [later - sooner for sooner, later in pairwise(waits)] == pytest.approx([BACK_SECONDS] * 99)
    for _ in range(int(LONGEST_SECONDS / BACK_SECONDS)):
        last = sent_away(hosts)
    assert last == LONGEST_SECONDS * 0.75


def test_who_has_waited_too_long_is_told_so() -> None:
    hosts = Hosts(POLICY, wait_seconds=60)
    fail(hosts)
    sent_away(hosts, a_job(waited=59))
    with pytest.raises(StillAway) as raised:
        hosts.enter(a_job(waited=60), DEAD)
    assert 0 < raised.value.retry_after <= 1.1


def test_no_more_machines_are_remembered_than_there_is_room_for() -> None:
    hosts = Hosts(POLICY, most=2)
    for name in "abcd":
        for _ in range(3):
            with pytest.raises(OSError, match="reached"):
                call(hosts, f"https://{name}.example/", AWAY)
        with pytest.raises(RemoteLeftAlone):
            hosts.enter(a_job(), "https://a.example/")  # asked for, it stays
    assert hosts.states() == {Circuit.OPEN: 2}
    with pytest.raises(RemoteLeftAlone):
        hosts.enter(a_job(), "https://d.example/")


def test_the_servers_own_pictures_have_no_circuit() -> None:
    hosts = Hosts(POLICY)
    for _ in range(9):
        with pytest.raises(OSError, match="reached"):
            call(hosts, "pixelflow://jobs/1", AWAY)
    assert hosts.states() == {}
