"""A circuit breaker: what keeps failing is left alone for a while, then tried once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Circuit(StrEnum):
    """Whether a service is called."""

    CLOSED = "closed"
    """It is; ended by failures in a row."""
    OPEN = "open"
    """It is not, until a time has passed."""
    HALF_OPEN = "half_open"
    """One call may try it; its success closes the circuit, its failure opens it for twice as long."""


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a circuit opens, and for how long; in seconds."""

    failures: int = 5
    open_seconds: float = 1.0
    longest_seconds: float = 30.0

    def pause(self, openings: int) -> float:
        """For how long it opens after that many openings in a row."""
        return min(self.longest_seconds, self.open_seconds * 2.0 ** min(openings, 62))


@dataclass(slots=True)
class Breaker:
    """The state of one service; every time is the caller's clock, in seconds, and only has to rise."""

    policy: BreakerPolicy = BreakerPolicy()
    failures: int = 0
    """In a row."""
    openings: int = 0
    """In a row, without a success between them."""
    until: float = field(default=float("-inf"))
    """When an open circuit is tried, and when a trial that nobody has ended is forgotten."""
    trying: bool = False
    error: BaseException | None = None
    """The last failure since the last success."""

    def state(self, now: float) -> Circuit:
        """As it is at that time."""
        if not self.openings:
            return Circuit.CLOSED
        return Circuit.OPEN if now < self.until and not self.trying else Circuit.HALF_OPEN

    def seconds(self, now: float) -> float:
        """How long until a call is allowed; 0 for now."""
        return max(0.0, self.until - now) if self.openings else 0.0

    def allows(self, now: float) -> bool:
        """Whether to call it now; in a half-open circuit the answer makes the caller the trial."""
        if not self.openings:
            return True
        if now < self.until:
            return False
        self.trying = True
        self.until = now + self.policy.longest_seconds
        return True

    def succeeded(self) -> None:
        """A call went well."""
        self.failures = self.openings = 0
        self.trying = False
        self.error = None

    def failed(self, now: float, error: BaseException) -> None:
        """A call failed; those that were under way as the circuit opened change nothing any more."""
        self.error = error
        self.failures += 1
        if self.state(now) is Circuit.OPEN:
            return
        if self.openings or self.failures >= self.policy.failures:
            self.until = now + self.policy.pause(self.openings)
            self.openings += 1
            self.trying = False

    def unused(self, now: float) -> None:
        """The trial was not made after all: the next call may be it."""
        if self.trying:
            self.trying = False
            self.until = now


@dataclass(frozen=True, slots=True)
class Circuits:
    """The breaker of each service that jobs need, and the clock that they go by, in seconds."""

    clock: Callable[[], float]
    store: Breaker = field(default_factory=Breaker)
    storage: Breaker = field(default_factory=Breaker)

    @property
    def by_name(self) -> Mapping[str, Breaker]:
        """All of them."""
        return {"store": self.store, "storage": self.storage}

    def seconds(self) -> float:
        """How long until work may be taken that needs all of them; 0 for now."""
        now = self.clock()
        return max(self.store.seconds(now), self.storage.seconds(now))

    def allow(self) -> bool:
        """Whether work may be taken now; where one is half-open, what is taken is its trial."""
        now = self.clock()
        return not self.seconds() and self.store.allows(now) and self.storage.allows(now)

    @property
    def trying(self) -> bool:
        """Whether one job is enough for now."""
        return self.store.trying or self.storage.trying
