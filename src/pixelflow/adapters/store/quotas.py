"""Limits of tenants, checked in the transaction that would go over one, before its first write."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from pixelflow.domain.errors import Busy
from pixelflow.domain.job import Job, JobState
from pixelflow.domain.tenant import DAY_SECONDS, UNLIMITED, TenantLimits, own_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pixelflow.adapters.store.transaction import Transaction

STORED_RETRY_SECONDS = 3600
"""Space comes back when something is deleted or expires, which nobody can tell before."""

GET_HELD = "SELECT stored_bytes, queued_jobs, queued_milliseconds FROM tenant WHERE tenant = :tenant"
GET_USED = """
SELECT jobs, bytes, pixels, cpu_seconds FROM usage
WHERE tenant = :tenant AND day = date(:now, 'unixepoch')
"""
WORDS = {
    "max_queued_jobs": "jobs queued",
    "max_queued_cpu_seconds": "predicted CPU seconds queued",
    "jobs_per_day": "jobs today",
    "bytes_per_day": "bytes sent in today",
    "pixels_per_day": "pixels today",
    "cpu_seconds_per_day": "CPU seconds today",
    "stored_bytes": "bytes stored",
}


@dataclass(frozen=True, slots=True)
class Demand:
    """What an operation adds to its tenant's counters."""

    jobs: int = 0
    queued: int = 0
    bytes: int = 0
    pixels: int = 0
    cpu_seconds: float = 0.0
    stored_bytes: int = 0

    @staticmethod
    def of(job: Job, *, stored: bool = True) -> Demand:
        """A job's, when it is created or, with its source already ``stored``, tried again.

        A picture that is yet to be fetched needs room for a byte, so that none is fetched in vain.
        """
        fetched_later = job.remote is not None and not job.source.key
        size = job.source.bytes or int(fetched_later)
        return Demand(
            1,
            int(job.state is JobState.QUEUED),
            size,
            job.pixels or 0,
            job.cost or 0.0,
            size if fetched_later or (stored and job.source.key) else 0,
        )


class Quotas:
    """The limits of every tenant: those of the server, and over them a tenant's own."""

    def __init__(self, common: TenantLimits, own: Mapping[str, Mapping[str, float | None]]) -> None:
        self._common = common
        self._own: dict[str, TenantLimits] = {}
        for tenant, limits in own.items():
            self.put(tenant, limits)

    def put(self, tenant: str, limits: Mapping[str, float | None]) -> None:
        """A tenant's own; none of them leaves it those of the server."""
        self._own.pop(tenant, None)
        if limits:
            self._own[tenant] = own_limits(self._common, limits)

    def of(self, tenant: str) -> TenantLimits:
        return self._own.get(tenant, self._common)

    def limited(self, tenant: str) -> bool:
        """Whether it has any."""
        return self.of(tenant) != UNLIMITED

    def admit(self, tx: Transaction, tenant: str, demand: Demand) -> None:
        """Raises Busy (``tenant_queue_full``, ``quota_exceeded``); no query where there is no limit."""
        if not self.limited(tenant):
            return
        limits = self.of(tenant)
        stored, queued, milliseconds = tx.one(GET_HELD, {"tenant": tenant}) or (0, 0, 0)
        if demand.queued and queued:  # a job dearer than all of it must find a way in as well
            seconds = milliseconds / 1000
            _check("max_queued_cpu_seconds", limits.max_queued_cpu_seconds, seconds, demand.cpu_seconds)
        _check("max_queued_jobs", limits.max_queued_jobs, queued, demand.queued)
        _check("stored_bytes", limits.stored_bytes, stored, demand.stored_bytes, STORED_RETRY_SECONDS)
        if limits.daily:
            tomorrow = ceil(DAY_SECONDS - tx.now % DAY_SECONDS)
            jobs, size, pixels, cpu = tx.one(GET_USED, {"tenant": tenant, "now": tx.now}) or (0, 0, 0, 0.0)
            _check("jobs_per_day", limits.jobs_per_day, jobs, demand.jobs, tomorrow)
            _check("bytes_per_day", limits.bytes_per_day, size, demand.bytes, tomorrow)
            _check("pixels_per_day", limits.pixels_per_day, pixels, demand.pixels, tomorrow)
            _check("cpu_seconds_per_day", limits.cpu_seconds_per_day, cpu, demand.cpu_seconds, tomorrow)


def _check(name: str, limit: float | None, value: float, more: float, retry_after: int | None = None) -> None:
    # Sums of seconds are off by less than a microsecond.
    if limit is None or more <= 0 or value + more <= limit + 1e-6:
        return
    setting = "TENANT_" + name.upper()
    extra = {"quota": name, "limit": limit, "value": value, "asked": more, "setting": setting}
    if retry_after is not None:
        extra["retry_after"] = retry_after
    if name.endswith("_per_day"):
        extra["window_seconds"] = DAY_SECONDS
    raise Busy(
        f"this tenant has {value:g} {WORDS[name]} and asks for {more:g} more; {setting} allows {limit:g}",
        code="tenant_queue_full" if name.startswith("max_queued") else "quota_exceeded",
        **extra,
    )
