"""What a picture may cost, and which formats are read."""

from typing import Annotated

from pydantic import Field

from pixelflow.domain.installed import readable
from pixelflow.settings.part import MEGABYTE, Part


class LimitSettings(Part):
    """What a picture may cost; each is checked before pixels are decoded."""

    max_image_side: Annotated[int, Field(ge=1, le=10_000_000)] = 16_384
    """Longest side of a source, and of an output, in pixels."""
    max_image_area: Annotated[int, Field(ge=1)] = 50_000_000
    """Largest area of a frame in pixels."""
    max_image_frames: Annotated[int, Field(ge=1)] = 200
    """Most frames of an animation."""
    max_image_frames_area: Annotated[int, Field(ge=1)] = 100_000_000
    """Largest frames × area in pixels."""
    max_image_bands: Annotated[int, Field(ge=1, le=64)] = 5
    """Most channels."""
    max_output_bytes: Annotated[int, Field(ge=1)] = 100 * MEGABYTE
    """Largest output in bytes."""
    max_memory_bytes: Annotated[int, Field(ge=256 * MEGABYTE)] = 1536 * MEGABYTE
    """Address space of a decoder process in bytes."""
    max_cpu_seconds: Annotated[int, Field(ge=1)] = 30
    """CPU time of one job."""
    max_job_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Wall time of one job, then its decoder is killed."""


class FormatSettings(Part):
    """Formats that are read only where that is wanted."""

    allow_svg: bool = False
    """SVG is read: made harmless, then drawn by a decoder that is started for this one file and ends with
    it."""

    @property
    def readable(self) -> frozenset[str]:
        """Names of the formats that are read."""
        return readable("svg") if self.allow_svg else readable()
