"""Who is asking."""

from dataclasses import dataclass

from pixelflow.domain.job import LOCAL_TENANT


@dataclass(frozen=True, slots=True)
class Principal:
    """The verified caller; every query is made for ``tenant``."""

    tenant: str
    subject: str


LOCAL = Principal(LOCAL_TENANT, "local")
"""The caller on a server without authentication."""
