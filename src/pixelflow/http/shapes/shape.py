"""The base of all shapes, and the values in their examples.

They are for the OpenAPI document: answers are not built from these, only tested by them.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

JOB_ID = "01994d3c-7a10-7c52-9f0e-6f8f6f6b1c11"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
MOMENT = "2026-03-01T12:00:00.000Z"
PIPELINE: list[dict[str, Any]] = [
    {"id": "thumb_small", "action": "resize", "width": 150, "format": "webp", "quality": 80}
]
Moment = Annotated[str, Field(examples=[MOMENT], description="RFC 3339, UTC, milliseconds")]


class Shape(BaseModel):
    """The base of all: what an answer holds, no more and no less."""

    model_config = ConfigDict(extra="forbid")
