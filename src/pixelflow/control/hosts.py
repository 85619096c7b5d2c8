"""Other machines that do not answer are left alone, so that their jobs wait without calling them."""

import random
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from pixelflow.control.transfers import OursFailed
from pixelflow.domain.breaker import Breaker, BreakerPolicy, Circuit
from pixelflow.domain.errors import EgressRefused, RemoteLeftAlone
from pixelflow.domain.job import Job
from pixelflow.domain.urls import OURS, host_of, site_of

log = structlog.get_logger()

PASSING = frozenset({408, 425, 429})
"""Refusals by HTTP that may pass, as every 5xx may (RFC 9110, 15)."""
MOST_HOSTS = 1024
"""Failing machines that are remembered; beyond it the one that was called longest ago is forgotten."""
BACK_SECONDS = 0.01
"""Between two jobs that come back to see about the same machine, so that many cost no more than few."""
LONGEST_SECONDS = 300.0
"""After it a job comes back, however many others do."""


class Later(OSError):
    """A machine is to be called again, not before ``retry_after`` seconds (RFC 9110, 10.2.3)."""

    def __init__(self, text: str, retry_after: float = 0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class NotNow(Later):
    """It answers, so that it is in reach, but not with what was asked for."""


class StillAway(Later):
    """It was not called, and the job has waited for it too long."""


@dataclass(slots=True)
class _Host:
    breaker: Breaker
    trial: str = ""
    """The job that tries it."""
    back: float = 0.0
    """When the last of those comes back that were sent away."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """The circuit of each machine that a tenant's jobs call, one for each tenant, so that what one names
    holds up nobody else's jobs."""

    policy: BreakerPolicy = field(default_factory=BreakerPolicy)
    wait_seconds: float = 300.0
    """Since it was queued, a job is sent away for nothing; later each time is a try."""
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    most: int = MOST_HOSTS
    _failing: OrderedDict[tuple[str, str], _Host] = field(default_factory=OrderedDict, init=False)

    def enter(self, job: Job, url: str) -> None:
        """Pass where the machine may be called, in a half-open circuit as its only trial until that ends.

        Raises RemoteLeftAlone where it may not, and StillAway where the job has waited too long.
        """
        key = job.tenant, site_of(url)
        host = self._failing.get(key)
        if host is None:
            return
        self._failing.move_to_end(key)
        breaker, now = host.breaker, self.clock()
        if breaker.trying and now < breaker.until:
            if host.trial == job.id:
                return
            seconds = self.policy.pause(breaker.openings - 1)  # a trial may end at any time
        elif breaker.allows(now):
            host.trial = job.id
            return
        else:
            seconds = breaker.seconds(now)
        raise self._away(host, job, url, now, seconds)

    def _away(
        self, host: _Host, job: Job, url: str, now: float, seconds: float
    ) -> RemoteLeftAlone | StillAway:
        host.back = max(host.back + BACK_SECONDS, now + seconds)
        seconds = min(host.back - now, LONGEST_SECONDS * (1 + self.chance()) / 2)
        text = f"{host_of(url)} is left alone for now: {host.breaker.error}"
        if (job.started_at or 0.0) - (job.queued_at or 0.0) < self.wait_seconds:
            return RemoteLeftAlone(text, wait_seconds=seconds)
        return StillAway(text, seconds)

    @contextmanager
    def called(self, job: Job, url: str) -> Iterator[None]:
        """Enter, and learn from how the block ends: OSErrors are the machine's failures, NotNow and
        PermissionError its answers; raises as ``enter``, also after a trial that failed: others sent it."""
        if url.startswith(tuple(OURS.values())):
            yield
            return
        self.enter(job, url)
        key = job.tenant, site_of(url)
        try:
            yield
        except (NotNow, PermissionError):
            self._answered(key)
            raise
        except OSError as error:
            tried = self._is_trial(key, job)
            host = self._failed(key, error)
            if tried:
                now = self.clock()
                raise self._away(host, job, url, now, host.breaker.seconds(now)) from error
            raise
        except (EgressRefused, OursFailed):  # nothing is known of it
            self._unused(key, job)
            raise
        except Exception:
            self._answered(key)
            raise
        except BaseException:
            self._unused(key, job)
            raise
        self._answered(key)

    def states(self) -> Mapping[Circuit, int]:
        """How many machines are in each state, as far as they are remembered."""
        now = self.clock()
        return Counter(host.breaker.state(now) for host in self._failing.values())

    def _answered(self, key: tuple[str, str]) -> None:
        host = self._failing.pop(key, None)
        if host is not None and host.breaker.openings:
            log.info("another machine answers again", tenant=key[0], site=key[1])

    def _is_trial(self, key: tuple[str, str], job: Job) -> bool:
        host = self._failing.get(key)
        return host is not None and host.breaker.trying and host.trial == job.id

    def _failed(self, key: tuple[str, str], error: OSError) -> _Host:
        host = self._failing.get(key)
        if host is None:
            if len(self._failing) >= self.most:
                self._failing.popitem(last=False)
            host = self._failing[key] = _Host(Breaker(self.policy))
        self._failing.move_to_end(key)
        openings, now = host.breaker.openings, self.clock()
        host.breaker.failed(now, OSError(str(error)))  # without the frames that the error itself keeps alive
        if host.breaker.openings > openings:
            seconds = host.breaker.seconds(now)
            log.warning("another machine is left alone", tenant=key[0], site=key[1], seconds=seconds)
        return host

    def _unused(self, key: tuple[str, str], job: Job) -> None:
        if self._is_trial(key, job):
            self._failing[key].breaker.unused(self.clock())
