"""Operations on many jobs as the API takes and shows them."""

from typing import Any, Literal

from pydantic import Field

from pixelflow.domain.bulk import Bulk
from pixelflow.http.shapes.shape import JOB_ID, Moment, Shape
from pixelflow.http.view import moment


class BulkShape(Shape):
    """An operation on many jobs; `changed` and `skipped` are those that it has gone through."""

    id: str | None = Field(examples=[JOB_ID], description="`null` of a dry run")
    action: Literal["cancel", "retry", "delete"]
    status: Literal["dry_run", "running", "completed"]
    filter: dict[str, Any] = Field(examples=[{"status": "failed"}])
    total: int = Field(examples=[1200], description="Jobs that the filter found at the beginning")
    changed: int = Field(examples=[400])
    skipped: int = Field(examples=[3], description="Their state, or a hold, did not allow it")
    progress: int = Field(ge=0, le=100, examples=[33])
    created_at: Moment | None
    finished_at: Moment | None


class BulkPage(Shape):
    """A page of operations, newest first."""

    items: list[BulkShape]
    next_cursor: str | None


NEW_BULK: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["action", "filter"],
                "additionalProperties": False,
                "properties": {
                    "action": {"type": "string", "enum": ["cancel", "retry", "delete"]},
                    "filter": {
                        "type": "object",
                        "additionalProperties": False,
                        "description": "As of `GET /v1/jobs`; `{}` is every job.",
                        "properties": {
                            "status": {"type": "string"},
                            "created_after": {"type": "string", "format": "date-time"},
                            "created_before": {"type": "string", "format": "date-time"},
                            "template": {"type": "string"},
                            "batch_id": {"type": "string"},
                            "metadata": {"type": "object", "maxProperties": 3},
                        },
                    },
                    "dry_run": {"type": "boolean", "default": False},
                },
            },
            "example": {"action": "retry", "filter": {"status": "failed"}, "dry_run": True},
        }
    },
}


def bulk_view(bulk: Bulk) -> dict[str, Any]:
    """An operation as it is now."""
    done = bulk.changed + bulk.skipped
    running = 0 if not bulk.total else min(99, done * 100 // bulk.total)
    return {
        "id": bulk.id,
        "action": bulk.action,
        "status": "running" if bulk.finished_at is None else "completed",
        "filter": bulk.where,
        "total": bulk.total,
        "changed": bulk.changed,
        "skipped": bulk.skipped,
        "progress": running if bulk.finished_at is None else 100,
        "created_at": moment(bulk.created_at),
        "finished_at": moment(bulk.finished_at),
    }


def dry_view(action: str, where: object, total: int) -> dict[str, Any]:
    """What it would be for."""
    return {
        "id": None,
        "action": action,
        "status": "dry_run",
        "filter": where,
        "total": total,
        "changed": 0,
        "skipped": 0,
        "progress": 0,
        "created_at": None,
        "finished_at": None,
    }
