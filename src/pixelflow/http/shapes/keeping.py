"""What is stored, and the audit log, as the API shows them."""

from typing import Any, Literal

from pydantic import Field

from pixelflow.control.inventory import Collected, Heap, Report
from pixelflow.domain.audit import Entry
from pixelflow.http.shapes.keep import KEEP
from pixelflow.http.shapes.shape import JOB_ID, Moment, Shape
from pixelflow.http.view import moment


class HeapShape(Shape):
    """So many, and their bytes."""

    count: int = Field(examples=[120])
    bytes: int = Field(examples=[48_200_000])


class Stored(HeapShape):
    """Files of one kind and age that belong to one tenant."""

    kind: Literal["inputs", "outputs", "assets"]
    tenant: str = Field(examples=["local"])
    age: Literal["hour", "day", "week", "month", "older"] = Field(description="Up to this old")


class StorageReport(Shape):
    """What is stored, and what the sweep would take now."""

    stored: list[Stored]
    orphans: HeapShape = Field(description="Files that no row names, those in the making among them")
    due: dict[str, HeapShape] = Field(
        description="Of jobs by what goes: source, outputs, record; and orphans that are old enough"
    )
    more_due: bool = Field(description="Whether more jobs are due than were counted")


class Swept(Shape):
    """What a sweep took."""

    jobs: dict[str, HeapShape]
    orphans: int


class AuditLine(Shape):
    """One line of the audit log."""

    sequence: int = Field(examples=[17])
    at: Moment
    actor: str = Field(examples=["local"], description="Who; `keeper` for the server itself")
    action: str = Field(examples=["job.deleted"])
    subject: str = Field(examples=[JOB_ID])
    detail: dict[str, Any]


class AuditPage(Shape):
    """A page of the audit log."""

    items: list[AuditLine]
    next_cursor: str | None


NEW_KEEP: dict[str, Any] = {
    "required": True,
    "content": {"application/json": {"schema": KEEP, "example": {"source": 3600, "outputs": 86400}}},
}


def report_view(report: Report) -> dict[str, Any]:
    """Largest heaps first."""
    heaps = sorted(report.stored.items(), key=lambda item: -item[1].bytes)
    return {
        "stored": [
            {"kind": kind, "tenant": tenant, "age": age, **_heap(heap)} for (kind, tenant, age), heap in heaps
        ],
        "orphans": _heap(report.orphans),
        "due": {
            **{part: _heap(heap) for part, heap in report.due.items()},
            "orphans": _heap(report.due_orphans),
        },
        "more_due": report.more_due,
    }


def swept_view(collected: Collected) -> dict[str, Any]:
    """By part."""
    return {
        "jobs": {part: _heap(heap) for part, heap in collected.jobs.items()},
        "orphans": collected.orphans,
    }


def line_view(line: Entry) -> dict[str, Any]:
    """Without the tenant, which is the caller's."""
    return {
        "sequence": line.sequence,
        "at": moment(line.at),
        "actor": line.actor,
        "action": line.action,
        "subject": line.subject,
        "detail": line.detail,
    }


def _heap(heap: Heap) -> dict[str, int]:
    return {"count": heap.count, "bytes": heap.bytes}
