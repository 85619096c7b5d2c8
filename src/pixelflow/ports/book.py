"""All that one store holds."""

from typing import Protocol

from pixelflow.ports.audit import AuditLog
from pixelflow.ports.store import JobStore


class Book(JobStore, Protocol):
    """Jobs, and beside them each further noun under its own name."""

    @property
    def audit(self) -> AuditLog: ...
