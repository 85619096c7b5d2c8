"""What may be asked for with a job."""

from typing import Annotated

from pydantic import Field

from pixelflow.settings.part import Part


class SteeringSettings(Part):
    """What callers may ask for with a job."""

    max_schedule_seconds: Annotated[float, Field(ge=0)] = 30 * 86_400.0
    """How far ahead a job's `scheduled_at` may be."""
