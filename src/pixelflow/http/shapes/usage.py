"""Usage and tenants as the API takes and shows them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pydantic import ConfigDict, Field

from pixelflow.domain.tenant import MAX_WEIGHT, MIN_WEIGHT, DayUsage, Tenant
from pixelflow.http.shapes.shape import Shape

DAY = "2026-03-01"


class OperationUsageShape(Shape):
    """CPU time of `decode`, `encode` or an operation, in so many jobs."""

    operation: str = Field(examples=["resize"])
    jobs: int = Field(examples=[120])
    cpu_seconds: float = Field(examples=[0.81])


class DayUsageShape(Shape):
    """What the jobs that were created on a day (UTC) have taken; of those that have not ended, what they are
    predicted to take."""

    day: str = Field(examples=[DAY])
    jobs: int = Field(examples=[120])
    bytes: int = Field(examples=[66911520], description="of sources")
    pixels: int = Field(examples=[47185920], description="of sources, one frame of each")
    cpu_seconds: float = Field(examples=[3.72])
    operations: list[OperationUsageShape]


class UsageShape(Shape):
    """Usage by day, what is stored and queued now, and the limits in force."""

    days: list[DayUsageShape]
    stored_bytes: int = Field(examples=[67891234])
    queued_jobs: int = Field(examples=[0])
    queued_cpu_seconds: float = Field(examples=[0.0])


MAX_COUNT = 2**53 - 1
"""The greatest whole number that JSON carries between any two programs (RFC 8259, 6)."""


class LimitsShape(Shape):
    """A tenant's own limits; one that is left out is the server's, `null` is none."""

    model_config = ConfigDict(extra="forbid", strict=True)

    max_queued_jobs: int | None = Field(None, ge=1, le=MAX_COUNT)
    max_queued_cpu_seconds: float | None = Field(None, gt=0)
    jobs_per_day: int | None = Field(None, ge=0, le=MAX_COUNT)
    bytes_per_day: int | None = Field(None, ge=0, le=MAX_COUNT)
    pixels_per_day: int | None = Field(None, ge=0, le=MAX_COUNT)
    cpu_seconds_per_day: float | None = Field(None, ge=0)
    stored_bytes: int | None = Field(None, ge=0, le=MAX_COUNT)


class NewTenant(Shape):
    """A tenant's weight and limits; what is left out is set back."""

    model_config = ConfigDict(extra="forbid", strict=True)

    weight: float = Field(1.0, ge=MIN_WEIGHT, le=MAX_WEIGHT)
    limits: LimitsShape = Field(default_factory=LimitsShape)

    @property
    def own(self) -> dict[str, float | None]:
        """The limits that were named."""
        return self.limits.model_dump(include=self.limits.model_fields_set)


class TenantShape(Shape):
    """A tenant as the book has it."""

    tenant: str = Field(examples=["local"])
    weight: float = Field(examples=[1.0])
    limits: dict[str, float | None] = Field(examples=[{"jobs_per_day": 1000}])
    stored_bytes: int
    queued_jobs: int
    queued_cpu_seconds: float


def usage_view(days: Sequence[DayUsage], tenant: Tenant) -> dict[str, Any]:
    """As ``UsageShape``."""
    return {
        "days": [asdict(day) for day in days],
        "stored_bytes": tenant.stored_bytes,
        "queued_jobs": tenant.queued_jobs,
        "queued_cpu_seconds": tenant.queued_cpu_seconds,
    }


def tenant_view(tenant: Tenant) -> dict[str, Any]:
    """As ``TenantShape``."""
    return asdict(tenant)


NEW_TENANT: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "weight": {"type": "number", "minimum": MIN_WEIGHT, "maximum": MAX_WEIGHT, "default": 1},
                    "limits": LimitsShape.model_json_schema(),
                },
            },
            "example": {"weight": 2, "limits": {"jobs_per_day": 1000, "stored_bytes": None}},
        }
    },
}
