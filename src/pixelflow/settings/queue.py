"""The queue, and when it is full."""

from typing import Annotated

from pydantic import Field

from pixelflow.settings.part import Part


class QueueSettings(Part):
    """The bell."""

    queue: str = "memory://"
    """The queue's address."""
    max_queue_depth: Annotated[int, Field(ge=1)] = 1_000_000
    """With this many jobs queued, submissions are answered with 503."""
    max_queue_cpu_seconds: Annotated[float, Field(gt=0)] | None = None
    """The same with jobs queued that are predicted to take this much CPU time in all."""
    max_queue_age_seconds: Annotated[float, Field(gt=0)] | None = None
    """The same while the oldest queued job has waited longer than this."""
