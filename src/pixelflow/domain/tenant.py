"""What a tenant may ask for, and what it has asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

DAY_SECONDS = 86_400
MIN_WEIGHT = 0.01
MAX_WEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class TenantLimits:
    """Caps of one tenant; ``None`` is none. A day is one of UTC."""

    max_queued_jobs: int | None = None
    max_queued_cpu_seconds: float | None = None
    """Predicted CPU time of the jobs that are queued."""
    jobs_per_day: int | None = None
    bytes_per_day: int | None = None
    """Of sources."""
    pixels_per_day: int | None = None
    """Of sources, one frame of each."""
    cpu_seconds_per_day: float | None = None
    stored_bytes: int | None = None
    """Of sources, outputs and assets that are there."""

    @property
    def daily(self) -> bool:
        """Whether any of them is of a day."""
        by_day = (self.jobs_per_day, self.bytes_per_day, self.pixels_per_day, self.cpu_seconds_per_day)
        return any(limit is not None for limit in by_day)


UNLIMITED = TenantLimits()


def day_of(seconds: float) -> str:
    """The day of UTC in which a Unix time lies, as ``YYYY-MM-DD``."""
    return _day(int(seconds // DAY_SECONDS))


@lru_cache(maxsize=16)
def _day(number: int) -> str:
    return str(date.fromordinal(date(1970, 1, 1).toordinal() + number))


def own_limits(common: TenantLimits, own: Mapping[str, float | None]) -> TenantLimits:
    """The common limits with a tenant's own over them, by name."""
    values = {name: getattr(common, name) for name in TenantLimits.__dataclass_fields__}
    return TenantLimits(**{**values, **own})


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant as the book has it; ``limits`` are its own by name, and go before the server's.

    A tenant with twice the ``weight`` of another has twice as much in flight where both have jobs queued.
    """

    tenant: str
    weight: float = 1.0
    limits: Mapping[str, float | None] = field(default_factory=dict)
    stored_bytes: int = 0
    queued_jobs: int = 0
    queued_cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class OperationUsage:
    """CPU time of one phase (``decode``, ``encode``, an operation's name) in so many jobs."""

    operation: str
    jobs: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class DayUsage:
    """What a tenant's jobs of one day (UTC, ``YYYY-MM-DD``) have taken, or will as far as is known."""

    day: str
    jobs: int = 0
    bytes: int = 0
    pixels: int = 0
    cpu_seconds: float = 0.0
    operations: Sequence[OperationUsage] = ()


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a job's picture will take, as far as its first bytes tell."""

    cpu_seconds: float
    pixels: int


@dataclass(frozen=True, slots=True)
class Lane:
    """The jobs of one tenant that can be claimed at one priority; ``cpu_seconds`` is what each is predicted
    to take, ``oldest`` since when the first waits in Unix seconds."""

    priority: int
    tenant: str
    jobs: int
    oldest: float
    weight: float = 1.0
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Drain:
    """How fast the queue empties, measured while there was something in it; 0 where nothing was measured."""

    jobs_per_second: float = 0.0
    cpu_seconds_per_second: float = 0.0
    """Predicted CPU time of the jobs that ended, in each second."""
