"""The lines of a batch, as a caller sends them: a JSON list, JSON lines, or CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pixelflow.control.order import MAX_METADATA_BYTES
from pixelflow.control.reading import read_json
from pixelflow.control.remote import read_remote
from pixelflow.domain.batch import MAX_SOURCES, Item, ItemState
from pixelflow.domain.errors import InvalidRequest, MalformedRequest, Problem
from pixelflow.domain.job import Remote
from pixelflow.domain.urls import OURS, bare

ORIGINS = ("url", "job_id", "asset_id")
"""Of which a line has exactly one."""
FIELDS = (*ORIGINS, "headers", "sha256", "metadata")
METADATA = "metadata."
"""What a CSV column's name begins with that is a key of the line's metadata."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Line:
    """One line before it is looked at, or what kept it from being read."""

    number: int
    value: object = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is not taken, and why."""

    number: int
    problem: Problem
    named: str = ""
    """The source that it names, as far as that can be told and shown."""


def lines_of(sources: object) -> list[Line]:
    """The list of a JSON body, counted from 1; raises InvalidRequest."""
    if isinstance(sources, list) and 1 <= len(sources) <= MAX_SOURCES:
        return [Line(number, value) for number, value in enumerate(sources, 1)]
    size = f", not {len(sources)}" if isinstance(sources, list) else ""
    allowed = f"a list of 1 to {MAX_SOURCES} URLs or objects"
    value = len(sources) if isinstance(sources, list) else sources
    raise InvalidRequest(
        [Problem(f"sources must be {allowed}{size}", "sources", value=value, allowed=allowed)]
    )


def json_lines(body: bytes) -> list[Line]:
    """A JSON value a line, as the file counts them; raises InvalidRequest for too many."""
    found = []
    for number, text in enumerate(body.splitlines(), 1):
        if not text.strip():
            continue
        try:
            found.append(Line(number, read_json(text, "the line")))
        except MalformedRequest as error:
            found.append(Line(number, problem=Problem(error.detail, "line", allowed="JSON")))
        _check_count(found)
    return _some(found)


def csv_lines(body: bytes) -> list[Line]:
    """Rows below a heading (RFC 4180), as the file counts its lines; raises InvalidRequest and
    MalformedRequest."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedRequest(f"the CSV is not UTF-8: {error}", code="malformed_csv") from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[Line] = []
    try:
        heading = [name.strip() for name in next(rows, [])]
        _check_heading(heading)
        start = rows.line_num + 1
        for row in rows:
            if row:
                found.append(_row(start, heading, row))
                _check_count(found)
            start = rows.line_num + 1
    except csv.Error as error:
        text = f"line {rows.line_num} of the CSV cannot be read: {error}"
        raise MalformedRequest(text, code="malformed_csv") from None
    return _some(found)


def read_items(lines: Sequence[Line]) -> tuple[list[Item], list[Refused]]:
    """Each line checked as far as that can be done without asking anybody."""
    items, refused = [], []
    for line in lines:
        problems = [line.problem] if line.problem else []
        item = None if problems else _item(line, problems)
        if item is not None and not problems:
            items.append(item)
        else:
            refused.append(Refused(line.number, problems[0], _named(line.value)))
    return items, refused


def refused_item(refused: Refused) -> Item:
    """What is kept of a line that was refused."""
    named = Remote(refused.named) if refused.named else None
    return Item(refused.number, named, {}, ItemState.REFUSED, "refused", refused.problem.message)


def _named(value: object) -> str:
    origin = next((name for name in ORIGINS if name in value), "") if isinstance(value, dict) else ""
    named = value[origin] if isinstance(value, dict) and origin else value
    return OURS.get(origin, "") + bare(named) if isinstance(named, str) else ""


def _item(line: Line, problems: list[Problem]) -> Item | None:
    given = {"url": line.value} if isinstance(line.value, str) else line.value
    if not isinstance(given, dict):
        allowed = "a URL, or an object with one of " + ", ".join(ORIGINS)
        problems.append(Problem(f"a source is {allowed}", "source", value=given, allowed=allowed))
        return None
    problems += [
        Problem(f"a source has no field {name!r}", name, allowed=", ".join(FIELDS))
        for name in given
        if name not in FIELDS
    ]
    origins = [name for name in ORIGINS if name in given]
    if len(origins) != 1:
        allowed = "exactly one of " + ", ".join(ORIGINS)
        problems.append(Problem(f"a source has {allowed}", "source", value=origins, allowed=allowed))
        return None
    metadata = _metadata(given.get("metadata"), problems)
    remote = _remote(origins[0], given, problems)
    return None if remote is None else Item(line.number, remote, metadata)


def _remote(origin: str, given: Mapping[str, Any], problems: list[Problem]) -> Remote | None:
    if origin == "url":
        return read_remote(given, problems)
    name = given[origin]
    if not isinstance(name, str) or not 1 <= len(name) <= 100 or "/" in name:
        problems.append(Problem(f"{origin} must be an id", origin, value=name, allowed="an id"))
        return None
    if "headers" in given:
        problems.append(Problem("headers go with url only", "headers", allowed="url"))
    return read_remote({"url": OURS[origin] + name, "sha256": given.get("sha256")}, problems)


def _metadata(given: object, problems: list[Problem]) -> Mapping[str, Any]:
    if given is None:
        return {}
    allowed = f"a JSON object of at most {MAX_METADATA_BYTES} bytes"
    if isinstance(given, dict) and len(_encode(given)) <= MAX_METADATA_BYTES:
        return given
    problems.append(Problem(f"metadata must be {allowed}", "metadata", value=given, allowed=allowed))
    return {}


def _row(number: int, heading: Sequence[str], row: Sequence[str]) -> Line:
    if len(row) != len(heading):
        words = f"{len(heading)} fields, as the heading has"
        return Line(number, problem=Problem(f"the row has {len(row)} fields", "line", allowed=words))
    value: dict[str, Any] = {}
    for name, text in zip(heading, row, strict=True):
        if text and name.startswith(METADATA):
            value.setdefault("metadata", {})[name.removeprefix(METADATA)] = text
        elif text:
            value[name] = text
    return Line(number, value)


def _check_heading(heading: Sequence[str]) -> None:
    known = (*ORIGINS, "sha256")
    allowed = ", ".join((*known, f"{METADATA}NAME"))
    problems = [
        Problem(f"there is no column {name!r}", "heading", value=name, allowed=allowed)
        for name in heading
        if name not in known and not (name.startswith(METADATA) and name != METADATA)
    ]
    if len(set(heading)) != len(heading) or not set(heading).intersection(ORIGINS):
        message = "the CSV's first line names its columns, each once, and one of " + ", ".join(ORIGINS)
        problems.append(Problem(message, "heading", allowed=allowed))
    if problems:
        raise InvalidRequest(problems)


def _check_count(lines: Sequence[Line]) -> None:
    if len(lines) > MAX_SOURCES:
        allowed = f"1 to {MAX_SOURCES} lines"
        raise InvalidRequest([Problem(f"a batch has {allowed}", "sources", allowed=allowed)])


def _some(lines: list[Line]) -> list[Line]:
    if not lines:
        allowed = f"1 to {MAX_SOURCES} lines"
        raise InvalidRequest(
            [Problem(f"a batch has {allowed}, not none", "sources", value=0, allowed=allowed)]
        )
    return lines
