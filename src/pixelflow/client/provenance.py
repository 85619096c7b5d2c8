"""Manifests, replays and what they made, the audit log and what is stored, for both clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from pixelflow.client.exchange import Call, Endpoint
from pixelflow.client.models import Job
from pixelflow.client.reading import known

PAGE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a job's outputs were made of, by what, with what, and in how many CPU seconds by phase.

    ``source``, ``pipeline`` and each of the ``outputs`` have their ``sha256``; ``software`` has ``versions``
    and ``limits`` by name.
    """

    job_id: str
    status: str = ""
    attempt: int = 0
    finished_at: datetime | None = None
    replay_of: str | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    pipeline: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[Mapping[str, Any]] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    software: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ComparedOutput:
    """One step's output in both jobs, each with ``sha256``, ``bytes``, ``format``, ``width`` and ``height``;
    ``None`` where one has none."""

    id: str
    equal: bool = False
    original: Mapping[str, Any] | None = None
    replay: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A job and its replay; ``equal`` when every output is, byte for byte. ``software`` has of each version
    that differs the original's and the replay's."""

    job_id: str
    replay_of: str = ""
    equal: bool = False
    outputs: tuple[ComparedOutput, ...] = ()
    software: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did what to what; ``keeper`` is the server itself."""

    sequence: int
    at: datetime | None = None
    actor: str = ""
    action: str = ""
    subject: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


def manifest(server: Endpoint, job_id: str) -> Call[Manifest]:
    """What an ended job was made of and with."""
    response = yield from server.ask("GET", f"{_job(job_id)}/manifest")
    document = response.json()
    return known(Manifest, {**document, "finished_at": _moment(document.get("finished_at"))})


def replay(server: Endpoint, job_id: str) -> Call[Job]:
    """Run an ended job again, and the new job."""
    response = yield from server.ask("POST", f"{_job(job_id)}/replay", key=uuid4().hex)
    return Job.read(response.json())


def comparison(server: Endpoint, job_id: str) -> Call[Comparison]:
    """A replay beside its original."""
    response = yield from server.ask("GET", f"{_job(job_id)}/comparison")
    document = response.json()
    pairs = tuple(known(ComparedOutput, each) for each in document["outputs"])
    return known(Comparison, {**document, "outputs": pairs})


def audit(
    server: Endpoint, action: str | None, subject: str | None, cursor: str | None
) -> Call[tuple[list[AuditLine], str | None]]:
    """One page, newest first, and the cursor of the next."""
    asked = {"action": action, "subject": subject, "cursor": cursor, "limit": PAGE_LIMIT}
    params = {name: value for name, value in asked.items() if value is not None}
    response = yield from server.ask("GET", "/v1/audit", params=params)
    page = response.json()
    lines = [known(AuditLine, {**line, "at": _moment(line.get("at"))}) for line in page["items"]]
    return lines, page.get("next_cursor")


def storage(server: Endpoint) -> Call[dict[str, Any]]:
    """What is stored, and what the sweep would take, as ``/v1/admin/storage`` tells it."""
    response = yield from server.ask("GET", "/v1/admin/storage")
    document: dict[str, Any] = response.json()
    return document


def sweep(server: Endpoint) -> Call[dict[str, Any]]:
    """What a sweep took, as ``/v1/admin/gc`` tells it."""
    response = yield from server.ask("POST", "/v1/admin/gc")
    document: dict[str, Any] = response.json()
    return document


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _job(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"
