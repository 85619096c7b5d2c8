"""All that one store holds."""

from typing import Protocol

from pixelflow.ports.audit import AuditLog
from pixelflow.ports.batches import BatchStore
from pixelflow.ports.bulks import BulkStore
from pixelflow.ports.keeps import KeepStore
from pixelflow.ports.software import SoftwareStore
from pixelflow.ports.store import JobStore
from pixelflow.ports.templates import TemplateStore
from pixelflow.ports.tenants import Tenants
from pixelflow.ports.webhooks import WebhookStore


class Book(JobStore, Protocol):
    """Jobs, and beside them each further noun under its own name."""

    @property
    def audit(self) -> AuditLog: ...

    @property
    def batches(self) -> BatchStore: ...

    @property
    def bulks(self) -> BulkStore: ...

    @property
    def keeps(self) -> KeepStore: ...

    @property
    def software(self) -> SoftwareStore: ...

    @property
    def tenants(self) -> Tenants: ...

    @property
    def templates(self) -> TemplateStore: ...

    @property
    def webhooks(self) -> WebhookStore: ...
