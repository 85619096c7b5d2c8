"""Plans as the API takes and shows them."""

from typing import Any

from pydantic import Field

from pixelflow.http.shapes.order import ORDER
from pixelflow.http.shapes.shape import JOB_ID, PIPELINE, Shape


class PlannedOutput(Shape):
    """An output as it will be: sides in pixels exactly, bytes, seconds and memory estimated; `null` is not
    known before the pipeline runs."""

    id: str = Field(examples=["thumb_small"])
    format: str | None = Field(examples=["webp"])
    width: int | None = Field(examples=[150])
    height: int | None = Field(examples=[100])
    alpha: bool | None = Field(examples=[False])
    frames: int | None = Field(examples=[1])
    bytes: int | None = Field(examples=[4800])
    cpu_seconds: float | None = Field(examples=[0.02])
    memory_bytes: int | None = Field(examples=[310_000_000])


class PlanWarning(Shape):
    """What may not be wanted, and what to change then."""

    code: str = Field(examples=["alpha_lost"])
    step: str | None = Field(examples=["thumb_small"])
    message: str = Field(examples=["jpeg has no transparency: what shows through lies on white"])
    fix: str = Field(examples=["write it as webp, png or avif, or lay it on a colour with a background step"])


class Plan(Shape):
    """What a pipeline will make."""

    outputs: list[PlannedOutput]
    warnings: list[PlanWarning]


NEW_PLAN: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "oneOf": [{"required": ["pipeline"]}, {"required": ["template"]}],
                "additionalProperties": False,
                "properties": {
                    "source": {
                        "type": "object",
                        "description": "`width`, `height` and `format`, or the `job_id` of a job's picture.",
                        "additionalProperties": False,
                        "properties": {
                            "width": {"type": "integer", "minimum": 1, "description": "Pixels, upright."},
                            "height": {"type": "integer", "minimum": 1},
                            "format": {"type": "string", "examples": ["jpeg"]},
                            "frames": {"type": "integer", "minimum": 1, "default": 1},
                            "alpha": {"type": "boolean"},
                            "depth": {"type": "integer", "enum": [8, 16], "default": 8},
                            "bytes": {"type": "integer", "minimum": 1},
                            "job_id": {"type": "string", "examples": [JOB_ID]},
                        },
                    },
                    "pipeline": ORDER["pipeline"],
                    "template": ORDER["template"],
                },
            },
            "example": {
                "source": {"width": 4000, "height": 3000, "format": "jpeg"},
                "pipeline": PIPELINE,
            },
        }
    },
}
