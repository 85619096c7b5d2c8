"""Batches as the API takes and shows them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from pydantic import Field

from pixelflow.control.batch_lines import Refused
from pixelflow.control.batches import TOLD, TYPICAL, Made
from pixelflow.domain.batch import DEFAULT_IN_FLIGHT, MAX_IN_FLIGHT, MAX_SOURCES, Batch, Item, ItemState
from pixelflow.domain.urls import shown
from pixelflow.http.shapes.order import ORDER
from pixelflow.http.shapes.plans import Plan
from pixelflow.http.shapes.shape import JOB_ID, PIPELINE, Moment, Shape
from pixelflow.http.view import plan_view


class Counts(Shape):
    """Lines by what became of them; `in_flight` have a job that waits or runs."""

    pending: int = Field(examples=[7000])
    in_flight: int = Field(examples=[100])
    completed: int = Field(examples=[2890])
    failed: int = Field(examples=[8])
    cancelled: int = Field(examples=[0])
    quarantined: int = Field(examples=[0])


class BatchShape(Shape):
    """A batch."""

    id: str = Field(examples=[JOB_ID])
    status: Literal["running", "paused", "cancelled", "completed"]
    template: str | None = Field(examples=["thumb@3"])
    pipeline: list[dict[str, Any]] = Field(examples=[PIPELINE])
    total: int = Field(examples=[10_000])
    accepted: int = Field(examples=[9998])
    refused: int = Field(examples=[2])
    counts: Counts
    progress: int = Field(ge=0, le=100, examples=[28])
    max_in_flight: int = Field(examples=[100])
    created_at: Moment
    finished_at: Moment | None


class BatchPage(Shape):
    """A page of batches, newest first."""

    items: list[BatchShape]
    next_cursor: str | None


class BatchLine(Shape):
    """One line; `source` without query, `code` and `message` where it did not go well."""

    line: int = Field(examples=[17])
    source: str | None = Field(examples=["https://example.org/17.jpg"])
    status: ItemState
    job_id: str | None = Field(examples=[JOB_ID])
    code: str | None
    message: str | None


class BatchLinePage(Shape):
    """A page of lines, in their order."""

    items: list[BatchLine]
    next_cursor: str | None


class Refusal(Shape):
    """A line that was not taken."""

    line: int = Field(examples=[3])
    field: str = Field(examples=["url"])
    value: Any
    allowed: str | None
    message: str


class Forecast(Shape):
    """What it will take, if `sample` stands for every picture; `each` is the plan of one."""

    sample: dict[str, Any] = Field(examples=[TYPICAL])
    each: Plan
    bytes: int | None = Field(examples=[48_000_000])
    cpu_seconds: float | None = Field(examples=[400.0])
    seconds: float | None = Field(examples=[100.0], description="With all decoders of this server at it.")


class MadeBatch(Shape):
    """What came of it; without an `id` where it was only asked for. `refusals` are the first thousand."""

    id: str | None = Field(examples=[JOB_ID])
    total: int = Field(examples=[10_000])
    accepted: int = Field(examples=[9998])
    refused: int = Field(examples=[2])
    refusals: list[Refusal]
    links: dict[str, str]
    next_after: str | None = Field(None, description="Where the next batch of this prefix begins: `after`.")
    forecast: Forecast | None = None


LINKS = {"self": "", "items": "/items", "failures": "/failures.csv"}


def made_view(made: Made, base: str) -> dict[str, Any]:
    """The answer to a batch's creation, or to the question what it would take."""
    batch, forecast = made.batch, made.forecast
    refused = batch.refused if batch else len(made.refused)
    total = batch.total if batch else made.total
    path = f"{base}/v1/batches/{batch.id}" if batch else ""
    answer: dict[str, Any] = {
        "id": batch.id if batch else None,
        "total": total,
        "accepted": total - refused,
        "refused": refused,
        "refusals": [_refusal(each) for each in made.refused[:TOLD]],
        "links": {name: path + rest for name, rest in LINKS.items()} if batch else {},
        "next_after": made.next_after,
    }
    if forecast is not None:
        answer["forecast"] = {**asdict(forecast), "each": plan_view(forecast.each)}
    return answer


def item_view(batch: Batch, item: Item) -> dict[str, Any]:
    """A line of a batch."""
    return {
        "line": item.number,
        "source": shown(item.remote.url) if item.remote else None,
        "status": batch.shown(item.state),
        "job_id": item.job_id,
        "code": item.code,
        "message": item.error,
    }


def _refusal(refused: Refused) -> dict[str, Any]:
    problem = refused.problem
    value = problem.value
    return {
        "line": refused.number,
        "field": problem.field,
        "value": value if value is None or isinstance(value, bool | int | float) else str(value)[:200],
        "allowed": problem.allowed,
        "message": problem.message,
    }


_OPTIONS: Mapping[str, Any] = {
    "max_in_flight": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_IN_FLIGHT,
        "default": DEFAULT_IN_FLIGHT,
        "description": "Jobs that wait and run at once.",
    },
    "all_or_nothing": {
        "type": "boolean",
        "default": False,
        "description": "One bad line refuses all.",
    },
    "dry_run": {"type": "boolean", "default": False, "description": "Only tell what it would take."},
    "sample": {
        "type": "object",
        "description": "With `dry_run`: a typical picture, as in a plan.",
        "default": TYPICAL,
    },
}
_SOURCE = {
    "oneOf": [
        {"type": "string", "format": "uri"},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "url": {"type": "string", "format": "uri"},
                "job_id": {"type": "string", "description": "The picture of an earlier job."},
                "asset_id": {"type": "string"},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                "sha256": {"type": "string"},
                "metadata": {"type": "object", "description": "Goes over the batch's."},
            },
        },
    ]
}
NEW_BATCH: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "oneOf": [{"required": ["pipeline"]}, {"required": ["template"]}],
                "additionalProperties": False,
                "properties": {
                    "sources": {"type": "array", "minItems": 1, "maxItems": MAX_SOURCES, "items": _SOURCE},
                    "prefix": {
                        "type": "string",
                        "description": "In place of sources: all objects below it.",
                        "examples": ["s3://pictures/2024/"],
                    },
                    "after": {"type": "string", "description": "With a prefix: those whose URL is greater."},
                    **_OPTIONS,
                    **ORDER,
                },
            },
            "example": {
                "template": "thumb",
                "sources": [
                    "https://example.org/1.jpg",
                    {"url": "https://example.org/2.jpg", "metadata": {"sku": "A-17"}},
                ],
            },
        },
        "application/x-ndjson": {
            "schema": {"type": "string"},
            "example": '{"url": "https://example.org/1.jpg"}',
        },
        "text/csv": {
            "schema": {"type": "string"},
            "example": "url,metadata.sku\nhttps://example.org/1.jpg,A-17",
        },
    },
}
