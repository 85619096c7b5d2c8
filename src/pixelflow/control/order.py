"""What a caller wants done with a picture, checked."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pixelflow.control.keeping import read_keep
from pixelflow.control.reading import read_json, read_moment, unknown_fields
from pixelflow.control.remote import read_target
from pixelflow.domain.errors import InvalidRequest, Problem
from pixelflow.domain.job import Target
from pixelflow.domain.keep import Keep
from pixelflow.operations.pipeline import Pipeline, parse

MAX_METADATA_BYTES = 8192
MAX_EXPIRES_SECONDS = 30 * 86400
MAX_PRIORITY = 10
MAX_URL_LENGTH = 2048
FIELDS = (
    "pipeline",
    "template",
    "priority",
    "metadata",
    "webhook_url",
    "expires_in",
    "keep",
    "store",
    "scheduled_at",
    "deadline_seconds",
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be run, and the exact version of the template that it is of, such as ``thumb@3``."""

    pipeline: Pipeline
    template: str | None = None
    keep: Keep | None = None
    """What the template says of that."""


@dataclass(frozen=True, slots=True)
class Order:
    """A checked pipeline and how to treat the job; ``expires_in`` in seconds from its creation."""

    pipeline: Pipeline
    priority: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    webhook_url: str | None = None
    expires_in: float | None = None
    keep: Keep | None = None
    template: str | None = None
    target: Target | None = None
    replay_of: str | None = None
    scheduled_at: float | None = None
    """In Unix seconds."""
    deadline_seconds: float | None = None
    """Wall time of a run."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What this server takes, in seconds; each field is a setting's name in capitals."""

    max_schedule_seconds: float = 30 * 86400.0
    max_job_seconds: float = 60.0

    def check(self, order: Order, now: float) -> None:
        """Raises InvalidRequest."""
        problems = []
        at, seconds = order.scheduled_at, order.deadline_seconds
        if at is not None and at > now + self.max_schedule_seconds:
            allowed = f"at most {self.max_schedule_seconds:g} seconds from now (MAX_SCHEDULE_SECONDS)"
            problems.append(Problem(f"scheduled_at must be {allowed}", "scheduled_at", allowed=allowed))
        if seconds is not None and seconds > self.max_job_seconds:
            allowed = f"more than 0 and at most {self.max_job_seconds:g} seconds (MAX_JOB_SECONDS)"
            text = f"deadline_seconds must be {allowed}"
            problems.append(Problem(text, "deadline_seconds", value=seconds, allowed=allowed))
        if problems:
            raise InvalidRequest(problems)


def read_order(
    given: Mapping[str, Any], other_fields: Sequence[str], chosen: Chosen | InvalidRequest
) -> Order:
    """Check a request's fields; raises InvalidRequest with every problem found.

    ``other_fields`` belong to the request too, but are read by the caller, as ``pipeline`` and ``template``
    are, from which ``chosen`` comes.
    """
    problems = unknown_fields(given, (*other_fields, *FIELDS))
    code = None
    if isinstance(chosen, InvalidRequest):
        problems.extend(chosen.problems)
        code = chosen.code
    order = (
        _priority(given.get("priority"), problems),
        _metadata(given.get("metadata"), problems),
        _webhook_url(given.get("webhook_url"), problems),
        _expires_in(given.get("expires_in"), problems),
        _keep(read_keep(given.get("keep"), problems), chosen),
    )
    outputs = 1 if isinstance(chosen, InvalidRequest) else len(chosen.pipeline.outputs)
    target = read_target(given.get("store"), outputs, problems)
    scheduled_at = _scheduled_at(given.get("scheduled_at"), problems)
    deadline_seconds = _deadline_seconds(given.get("deadline_seconds"), problems)
    if problems or isinstance(chosen, InvalidRequest):
        raise InvalidRequest(problems, code=code)
    return Order(
        chosen.pipeline,
        *order,
        chosen.template,
        target,
        scheduled_at=scheduled_at,
        deadline_seconds=deadline_seconds,
    )


def _keep(own: Keep | None, chosen: Chosen | InvalidRequest) -> Keep | None:
    """The job's own goes before its template's, part by part."""
    of_template = None if isinstance(chosen, InvalidRequest) else chosen.keep
    return own.else_(of_template) if own and of_template else own or of_template


def read_pipeline(given: object) -> Pipeline:
    """Checked steps, from a decoded list or its JSON as bytes; raises InvalidRequest."""
    if given is None:
        raise InvalidRequest(
            [Problem("a pipeline or a template is required", "pipeline", allowed="a list of 1 to 20 steps")]
        )
    if not isinstance(given, bytes):
        return parse(given)
    # Clients send the same few pipelines again and again; a checked one is frozen and can be shared.
    return _parsed(given) if len(given) <= MAX_METADATA_BYTES else _parsed.__wrapped__(given)


@lru_cache(maxsize=256)
def _parsed(text: bytes) -> Pipeline:
    return parse(read_json(text, "pipeline"))


def _priority(given: object, problems: list[Problem]) -> int:
    if given is None:
        return 0
    if isinstance(given, int) and not isinstance(given, bool) and -MAX_PRIORITY <= given <= MAX_PRIORITY:
        return given
    allowed = f"a whole number from -{MAX_PRIORITY} to {MAX_PRIORITY}"
    problems.append(Problem(f"priority must be {allowed}", "priority", value=given, allowed=allowed))
    return 0


def _metadata(given: object, problems: list[Problem]) -> Mapping[str, Any]:
    if given is None:
        return {}
    allowed = f"a JSON object of at most {MAX_METADATA_BYTES} bytes"
    if not isinstance(given, dict):
        problems.append(Problem(f"metadata must be {allowed}", "metadata", value=given, allowed=allowed))
        return {}
    size = len(msgspec.json.encode(given))
    if size > MAX_METADATA_BYTES:
        problems.append(
            Problem(
                f"metadata has {size} bytes; it must be {allowed}", "metadata", value=size, allowed=allowed
            )
        )
    return given


def _webhook_url(given: object, problems: list[Problem]) -> str | None:
    if given is None:
        return None
    allowed = f"an http or https URL without credentials, of at most {MAX_URL_LENGTH} characters"
    if isinstance(given, str) and len(given) <= MAX_URL_LENGTH and given.isprintable() and " " not in given:
        try:
            parts = urlsplit(given)
            good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
            if good and parts.username is None and parts.password is None:
                return given
        except ValueError:
            pass
    # A URL with credentials must not come back in an answer or a log.
    problems.append(Problem(f"webhook_url must be {allowed}", "webhook_url", allowed=allowed))
    return None


def _scheduled_at(given: object, problems: list[Problem]) -> float | None:
    if given is None:
        return None
    if isinstance(given, str):
        with suppress(ValueError):
            return read_moment(given)
    allowed = "a moment by RFC 3339, such as 2030-01-31T12:00:00Z"
    problems.append(Problem(f"scheduled_at must be {allowed}", "scheduled_at", value=given, allowed=allowed))
    return None


def _deadline_seconds(given: object, problems: list[Problem]) -> float | None:
    if given is None:
        return None
    if (seconds := _finite(given)) is not None and seconds > 0:
        return seconds
    allowed = "a number of seconds above 0"
    text = f"deadline_seconds must be {allowed}"
    problems.append(Problem(text, "deadline_seconds", value=given, allowed=allowed))
    return None


def _expires_in(given: object, problems: list[Problem]) -> float | None:
    if given is None:
        return None
    if (seconds := _finite(given)) is not None and 1 <= seconds <= MAX_EXPIRES_SECONDS:
        return seconds
    allowed = f"1 to {MAX_EXPIRES_SECONDS} seconds"
    problems.append(Problem(f"expires_in must be {allowed}", "expires_in", value=given, allowed=allowed))
    return None


def _finite(given: object) -> float | None:
    """A number that floating point has; JSON's may be greater."""
    if not isinstance(given, int | float) or isinstance(given, bool):
        return None
    with suppress(OverflowError):
        number = float(given)
        return number if math.isfinite(number) else None
    return None
