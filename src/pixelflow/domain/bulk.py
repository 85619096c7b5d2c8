"""One thing done to many jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class BulkAction(StrEnum):
    """What is done; jobs whose state does not allow it are skipped."""

    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Bulk:
    """An operation on the jobs of a filter that were created before it, newest first.

    ``where`` is the filter as a caller writes it, ``total`` how many jobs it found at the beginning;
    ``changed`` and ``skipped`` are those that it has gone through, exactly: a step and its progress are one
    transaction. ``cursor`` is where it is.
    """

    tenant: str
    id: str
    action: BulkAction
    where: Mapping[str, Any]
    actor: str
    total: int
    created_at: float
    updated_at: float
    changed: int = 0
    skipped: int = 0
    cursor: str | None = None
    finished_at: float | None = None
