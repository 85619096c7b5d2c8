"""How webhooks are sent."""

from typing import Annotated

from pydantic import Field

from pixelflow.domain.webhook import SCHEDULE_SECONDS
from pixelflow.settings.part import Part, listed


class WebhookSettings(Part):
    """Webhooks: how they are sent, and how long that is tried."""

    webhook_timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 15.0
    """How long a receiver may take to answer, in all."""
    webhook_in_flight: Annotated[int, Field(ge=1, le=250)] = 128
    """Deliveries that are sent at once."""
    webhook_receiver_in_flight: Annotated[int, Field(ge=1, le=250)] = 8
    """Of these to one endpoint, or to one host for jobs' own URLs; to one that failed last, a single one."""
    webhook_retry_seconds: Annotated[str, Field(pattern=r"^\d+(\.\d+)?(,\d+(\.\d+)?){0,19}$")] = ",".join(
        f"{pause:g}" for pause in SCHEDULE_SECONDS
    )
    """Pauses before the second and each further try; each is longer by up to a fifth, at random. After the
    last try a delivery is dead, and kept."""
    webhook_disable_seconds: Annotated[float, Field(gt=0)] = 5 * 86_400.0
    """An endpoint that has done nothing but fail for so long is disabled."""
    webhook_overlap_seconds: Annotated[float, Field(ge=0)] = 86_400.0
    """How long a former secret signs beside the new one after a rotation."""
    webhook_endpoints: Annotated[int, Field(ge=1, le=1000)] = 50
    """Most endpoints of a tenant."""
    webhook_log_seconds: Annotated[float, Field(gt=0)] = 30 * 86_400.0
    """How long a delivery that has ended is kept, unless its job is deleted before."""

    @property
    def schedule(self) -> list[float]:
        """Pauses between tries in seconds."""
        return [float(text) for text in listed(self.webhook_retry_seconds)]
