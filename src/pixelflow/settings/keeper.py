"""How often the keeper looks, and how long things are kept."""

from typing import Annotated

from pydantic import Field

from pixelflow.domain.keep import Keep
from pixelflow.settings.part import Part


class KeeperSettings(Part):
    """The keeper's duties."""

    keeper_seconds: Annotated[float, Field(gt=0)] = 5.0
    """How often expired leases are rescued and the queue is rung again."""
    sweep_seconds: Annotated[float, Field(gt=0)] = 300.0
    """How often expired jobs and orphan files are swept."""
    orphan_seconds: Annotated[float, Field(gt=0)] = 3600.0
    """A file that no row names is removed at this age."""
    upload_wait_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    """A job whose upload has not come after this long fails."""
    source_ttl_seconds: Annotated[float, Field(ge=0)] | None = None
    """How long after a job's end its source is kept; unset, as long as the job. A tenant's own goes first;
    a template or a job may ask for less."""
    output_ttl_seconds: Annotated[float, Field(ge=0)] | None = None
    """The same for its outputs."""
    record_ttl_seconds: Annotated[float, Field(ge=0)] | None = None
    """How long after its end a job is kept with all that belongs to it, and likewise a batch and an operation
    on many jobs; unset, for ever."""
    audit_ttl_seconds: Annotated[float, Field(gt=0)] | None = None
    """How long lines of the audit log are kept; unset, for ever."""

    @property
    def keep(self) -> Keep:
        """How long a job's things are kept where nothing else is asked for."""
        return Keep(self.source_ttl_seconds, self.output_ttl_seconds, self.record_ttl_seconds)
