"""JSON and moments that a caller sent."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from pixelflow.domain.errors import InvalidRequest, MalformedRequest, Problem

T = TypeVar("T")

MAX_DEPTH = 32
"""Objects and lists in each other."""

_decode = msgspec.json.Decoder().decode


def read_json(text: bytes, name: str) -> Any:
    """Decode; raises MalformedRequest, with ``name`` in its words, for what is no JSON or nested too deep."""
    try:
        found = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRequest(f"{name} is not JSON: {error}", code="malformed_json") from None
    except RecursionError:
        raise _too_deep(name) from None
    _check_depth(found, name, MAX_DEPTH)
    return found


def _check_depth(value: object, name: str, left: int) -> None:
    if isinstance(value, dict | list):
        if not left:
            raise _too_deep(name)
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, name, left - 1)


def _too_deep(name: str) -> MalformedRequest:
    return MalformedRequest(f"{name} is nested deeper than {MAX_DEPTH}", code="too_deep", limit=MAX_DEPTH)


def read_moment(text: str) -> float:
    """Unix seconds (RFC 3339; UTC without an offset); raises ValueError, also where UTC has no such year."""
    before, space, offset = text.rpartition(" ")
    if space and ":" in before:  # a plus sign that was not encoded is a space in a query
        text = f"{before}+{offset}"
    moment = datetime.fromisoformat(text)
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    try:
        datetime.fromtimestamp(seconds, UTC)  # as it is shown: an offset may lead out of the years 1 to 9999
    except OverflowError as error:
        raise ValueError(str(error)) from None
    return seconds


def unknown_fields(given: Mapping[str, Any], known: Sequence[str]) -> list[Problem]:
    """A problem for each field that a request does not have."""
    return [
        Problem(f"there is no field {name!r}", name, value=value, allowed=", ".join(known))
        for name, value in given.items()
        if name not in known
    ]


def attempt(read: Callable[[Any], T], value: object, problems: list[Problem]) -> T | None:
    """What ``read`` makes of a value; the problems of one that it refuses are noted instead."""
    try:
        return read(value)
    except InvalidRequest as error:
        problems.extend(error.problems)
        return None
