"""Tenants in the SQLite store: their limits, counters and lanes."""

from collections.abc import Mapping, Sequence

import msgspec

from pixelflow.adapters.store.audit import note
from pixelflow.adapters.store.database import Database
from pixelflow.adapters.store.transaction import Transaction
from pixelflow.domain.audit import OPERATOR
from pixelflow.domain.job import Job
from pixelflow.domain.tenant import DayUsage, Drain, Lane, OperationUsage, Tenant

COLUMNS = "tenant, weight, limits, stored_bytes, queued_jobs, queued_milliseconds"
GET_TENANT = f"SELECT {COLUMNS} FROM tenant WHERE tenant = :tenant"  # noqa: S608 - the columns above
PUT_TENANT = """
INSERT INTO tenant (tenant, weight, limits) VALUES (:tenant, :weight, :limits)
ON CONFLICT (tenant) DO UPDATE SET weight = excluded.weight, limits = excluded.limits
"""
GET_USAGE = """
SELECT day, jobs, bytes, pixels, cpu_seconds FROM usage
WHERE tenant = :tenant AND day BETWEEN :first AND :last ORDER BY day
"""
GET_USAGE_OF_OPERATIONS = """
SELECT day, operation, jobs, cpu_seconds FROM usage_of_operation
WHERE tenant = :tenant AND day BETWEEN :first AND :last ORDER BY day, operation
"""
LANES = """
SELECT priority, lane.tenant, jobs, oldest, coalesce(weight, 1.0),
    CASE WHEN queued_jobs > 0 THEN queued_milliseconds / 1000.0 / queued_jobs ELSE 0.0 END
FROM lane LEFT JOIN tenant ON tenant.tenant = lane.tenant
"""
OLDER = """
SELECT count(*) FROM (
    SELECT 1 FROM job INDEXED BY job_to_claim
    WHERE state = 'queued' AND not_before IS NULL AND priority = :priority AND tenant = :tenant
        AND (queued_at, rowid) < (:queued_at, (SELECT rowid FROM job WHERE tenant = :tenant AND id = :id))
    LIMIT :limit)
"""

_to_limits = msgspec.json.Decoder(dict[str, float | None]).decode


class SqliteTenants:
    """As ``ports.tenants.Tenants``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, tenant: str) -> Tenant:
        row = self._database.one(GET_TENANT, {"tenant": tenant})
        return _to_tenant(row) if row else Tenant(tenant)

    async def put(
        self, tenant: str, weight: float, limits: Mapping[str, float | None], actor: str = OPERATOR
    ) -> Tenant:
        text = msgspec.json.encode(limits).decode() if limits else None

        def change(tx: Transaction) -> Tenant:
            tx.count(PUT_TENANT, {"tenant": tenant, "weight": weight, "limits": text})
            note(tx, tenant, actor, "tenant.changed", tenant, {"weight": weight, "limits": limits})
            (row,) = tx.rows(GET_TENANT, {"tenant": tenant})
            return _to_tenant(row)

        changed = await self._database.write(change)
        self._database.writer.quotas.put(tenant, limits)
        return changed

    async def usage(self, tenant: str, first: str, last: str) -> Sequence[DayUsage]:
        values = {"tenant": tenant, "first": first, "last": last}
        days = await self._database.rows(GET_USAGE, values)
        parts: dict[str, list[OperationUsage]] = {}
        for day, *facts in await self._database.rows(GET_USAGE_OF_OPERATIONS, values):
            parts.setdefault(day, []).append(OperationUsage(*facts))
        return [
            DayUsage(day, jobs, size, pixels, seconds, parts.get(day, ()))
            for day, jobs, size, pixels, seconds in days
        ]

    async def lanes(self) -> Sequence[Lane]:
        return [Lane(*row) for row in await self._database.rows(LANES, {})]

    async def older(self, job: Job, limit: int) -> int:
        values = {
            "tenant": job.tenant,
            "id": job.id,
            "priority": job.priority,
            "queued_at": job.queued_at,
            "limit": limit,
        }
        found: int = (await self._database.rows(OLDER, values))[0][0]
        return found

    def drain(self) -> Drain:
        return self._database.writer.drained.drain(self._database.clock())


def _to_tenant(row: tuple[str, float, str | None, int, int, int]) -> Tenant:
    tenant, weight, limits, stored, queued, milliseconds = row
    return Tenant(tenant, weight, _to_limits(limits) if limits else {}, stored, queued, milliseconds / 1000)
