"""Pictures that pipelines refer to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asset:
    """A stored picture, addressed by its content within a tenant: the same bytes give the same id."""

    tenant: str
    id: str
    key: str
    format: str
    media_type: str
    bytes: int
    sha256: str
    created_at: float


JOB = "job:"
"""In front of the id of an earlier job where its picture is meant rather than an asset."""
