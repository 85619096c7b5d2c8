"""Every setting, from the environment; the one place that reads it.

A setting's name is the environment variable's, in capitals and without a prefix.
"""

from collections.abc import Mapping
from typing import Any, get_type_hints

from pixelflow.control.admission import ServerLimits
from pixelflow.domain.limits import ImageLimits
from pixelflow.settings.egress import EgressSettings
from pixelflow.settings.http import HttpSettings
from pixelflow.settings.keeper import KeeperSettings
from pixelflow.settings.log import LogSettings
from pixelflow.settings.part import Part
from pixelflow.settings.pictures import FormatSettings, LimitSettings
from pixelflow.settings.queue import QueueSettings
from pixelflow.settings.retries import RetrySettings
from pixelflow.settings.steering import SteeringSettings
from pixelflow.settings.storage import StorageSettings
from pixelflow.settings.store import StoreSettings
from pixelflow.settings.tenants import TenantSettings
from pixelflow.settings.webhooks import WebhookSettings
from pixelflow.settings.worker import WorkerSettings
from pixelflow.worker.pool import PoolOptions


class Settings:
    """All parts, read once; what is given goes before the environment; raises pydantic.ValidationError."""

    http: HttpSettings
    store: StoreSettings
    storage: StorageSettings
    queue: QueueSettings
    tenant: TenantSettings
    steering: SteeringSettings
    worker: WorkerSettings
    retries: RetrySettings
    keeper: KeeperSettings
    limits: LimitSettings
    formats: FormatSettings
    egress: EgressSettings
    webhooks: WebhookSettings
    log: LogSettings

    def __init__(self, **given: Any) -> None:
        for name, part in PARTS.items():
            own = {field: value for field, value in given.items() if field in part.model_fields}
            setattr(self, name, part(**own))

    @property
    def image_limits(self) -> ImageLimits:
        """The caps that travel into the cage."""
        return ImageLimits(max_input_bytes=self.http.upload_bytes, **self.limits.model_dump())

    @property
    def server_limits(self) -> ServerLimits:
        """The caps on what waits."""
        return ServerLimits(
            self.queue.max_queue_depth,
            self.queue.max_queue_cpu_seconds,
            self.queue.max_queue_age_seconds,
            self.storage.min_free_bytes,
        )

    @property
    def pool_options(self) -> PoolOptions:
        """How the decoders are run."""
        return PoolOptions(
            size=self.worker.pool_size,
            sandbox=self.worker.sandbox,
            fork=self.worker.fork_decoders,
            job_seconds=self.limits.max_job_seconds,
            memory_bytes=self.limits.max_memory_bytes,
            max_jobs=self.worker.child_max_jobs,
            max_rss_bytes=self.worker.child_max_rss_bytes,
            svg=self.formats.allow_svg,
        )


PARTS: Mapping[str, type[Part]] = get_type_hints(Settings)
"""The parts by name, in the order in which they are documented."""
