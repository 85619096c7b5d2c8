"""For how long things are kept, as the API takes and shows it."""

from typing import Any

from pydantic import Field

from pixelflow.domain.keep import MAX_KEEP_SECONDS, PARTS
from pixelflow.http.shapes.shape import Shape


class Keep(Shape):
    """Seconds from a job's end until its source, its outputs and its record go; null is for as long as the
    record, and for ever."""

    source: float | None = Field(examples=[3600])
    outputs: float | None = Field(examples=[86400])
    record: float | None = Field(examples=[604800])


KEEP: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "description": "Seconds from the job's end until each of these goes; no longer than the server's "
    "settings allow.",
    "properties": {part: {"type": "number", "minimum": 0, "maximum": MAX_KEEP_SECONDS} for part in PARTS},
}
