"""What tenants may do, have done, and wait for."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pixelflow.domain.audit import OPERATOR
from pixelflow.domain.job import Job
from pixelflow.domain.tenant import DayUsage, Drain, Lane, Tenant


class Tenants(Protocol):
    """Limits, counters and lanes of the tenants in a job store.

    The store itself charges each job in the transaction that creates, starts or retries it, refuses it there
    over a limit, and settles at its end: a job that ended before any work counts for nothing. A limit is the
    server's unless the tenant has its own.
    """

    async def get(self, tenant: str) -> Tenant:
        """One that was never seen has a weight of 1 and nothing else."""

    async def put(
        self, tenant: str, weight: float, limits: Mapping[str, float | None], actor: str = OPERATOR
    ) -> Tenant:
        """Set the weight and all limits of its own, by the names of ``TenantLimits``, and note it in
        the audit log."""

    async def usage(self, tenant: str, first: str, last: str) -> Sequence[DayUsage]:
        """The days that have any, oldest first, from ``first`` to ``last`` inclusive."""

    async def lanes(self) -> Sequence[Lane]:
        """Where jobs wait to be claimed, in no order."""

    async def older(self, job: Job, limit: int) -> int:
        """How many jobs of a queued job's lane come before it; ``limit`` stands for more too."""

    def drain(self) -> Drain:
        """Over about the last minute."""
