"""Which of a tenant's jobs a caller means."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pixelflow.control.reading import read_moment, unknown_fields
from pixelflow.domain.errors import InvalidRequest, MalformedRequest, Problem
from pixelflow.domain.job import JobState
from pixelflow.ports.store import MAX_METADATA_FILTERS, JobFilter

FIELDS = ("status", "created_after", "created_before", "template", "batch_id", "metadata")
MOMENTS = frozenset({"created_after", "created_before"})
PREFIX = "metadata."
MAX_TEXT = 500
"""Characters of one value."""


def read_filter(given: Mapping[str, Any]) -> JobFilter:
    """Check a filter's fields; raises InvalidRequest with every problem found."""
    problems = unknown_fields(given, FIELDS)
    found = JobFilter(
        _state(given.get("status"), problems),
        _moment("created_after", given.get("created_after"), problems),
        _text("template", given.get("template"), problems),
        _text("batch_id", given.get("batch_id"), problems),
        _moment("created_before", given.get("created_before"), problems),
        _metadata(given.get("metadata") or {}, problems),
    )
    if problems:
        raise InvalidRequest(problems)
    return found


def query_filter(query: Sequence[tuple[str, str]]) -> JobFilter:
    """The same of a query string, where ``metadata.order=17`` is a pair; other parameters are left alone.
    Raises MalformedRequest for what is no moment."""
    given: dict[str, Any] = {name: value for name, value in query if name in FIELDS and name != "metadata"}
    pairs = [(name.removeprefix(PREFIX), value) for name, value in query if name.startswith(PREFIX)]
    if len({name for name, _ in pairs}) < len(pairs):
        raise InvalidRequest([Problem("a key of metadata can have one value", "metadata")])
    try:
        return read_filter({**given, "metadata": dict(pairs)})
    except InvalidRequest as error:
        for problem in error.problems:
            if problem.field in MOMENTS:
                raise MalformedRequest(problem.message, code="malformed_time", field=problem.field) from None
        raise


def shown(where: JobFilter) -> dict[str, Any]:
    """A filter as ``read_filter`` takes it."""
    fields = {
        "status": where.state and where.state.value,
        "created_after": _written(where.created_after),
        "created_before": _written(where.created_before),
        "template": where.template,
        "batch_id": where.batch_id,
        "metadata": dict(where.metadata) or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _written(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _state(given: object, problems: list[Problem]) -> JobState | None:
    if given is None:
        return None
    with suppress(ValueError):
        return JobState(str(given))
    allowed = ", ".join(JobState)
    problems.append(Problem(f"status must be one of {allowed}", "status", value=given, allowed=allowed))
    return None


def _moment(name: str, given: object, problems: list[Problem]) -> float | None:
    if given is None:
        return None
    if isinstance(given, str):
        with suppress(ValueError):
            return read_moment(given)
    allowed = "a moment by RFC 3339, such as 2030-01-31T12:00:00Z"
    problems.append(Problem(f"{name} must be {allowed}", name, value=given, allowed=allowed))
    return None


def _text(name: str, given: object, problems: list[Problem]) -> str | None:
    if given is None or (isinstance(given, str) and 0 < len(given) <= MAX_TEXT):
        return given
    allowed = f"1 to {MAX_TEXT} characters"
    problems.append(Problem(f"{name} must have {allowed}", name, value=given, allowed=allowed))
    return None


def _metadata(given: object, problems: list[Problem]) -> Mapping[str, str]:
    allowed = f"at most {MAX_METADATA_FILTERS} keys, each with a value of at most {MAX_TEXT} characters"
    if isinstance(given, dict) and len(given) <= MAX_METADATA_FILTERS:
        pairs = {key: _word(value) for key, value in given.items()}
        if all(0 < len(key) <= MAX_TEXT and value is not None for key, value in pairs.items()):
            return {key: value for key, value in pairs.items() if value is not None}
    problems.append(Problem(f"metadata must have {allowed}", "metadata", value=given, allowed=allowed))
    return {}


def _word(value: object) -> str | None:
    match value:
        case str():
            return value if len(value) <= MAX_TEXT else None
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
    return None
