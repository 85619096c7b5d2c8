"""What tenants may take."""

from typing import Annotated

from pydantic import Field

from pixelflow.domain.tenant import TenantLimits
from pixelflow.settings.part import Part


class TenantSettings(Part):
    """What a tenant may ask for, unless it has limits of its own; over them it is answered with 429.

    A day is one of UTC; unset is without limit."""

    tenant_max_queued_jobs: Annotated[int, Field(ge=1)] | None = None
    """Jobs that may be queued at once."""
    tenant_max_queued_cpu_seconds: Annotated[float, Field(gt=0)] | None = None
    """CPU time in seconds that the queued jobs may be predicted to take together."""
    tenant_jobs_per_day: Annotated[int, Field(ge=0)] | None = None
    """Jobs a day. One that ends before any work was done is not counted, a retry is another job."""
    tenant_bytes_per_day: Annotated[int, Field(ge=0)] | None = None
    """Bytes of sources a day, and of pictures that steps refer to by URL."""
    tenant_pixels_per_day: Annotated[int, Field(ge=0)] | None = None
    """Pixels of sources a day, of one frame of each."""
    tenant_cpu_seconds_per_day: Annotated[float, Field(ge=0)] | None = None
    """CPU time in seconds a day: predicted when a job is created, and what it took once it has ended."""
    tenant_stored_bytes: Annotated[int, Field(ge=0)] | None = None
    """Bytes of sources, outputs and assets that are stored at once."""

    @property
    def limits(self) -> TenantLimits:
        """Those of every tenant that has none of its own."""
        given = self.model_dump()
        return TenantLimits(**{name.removeprefix("tenant_"): limit for name, limit in given.items()})
