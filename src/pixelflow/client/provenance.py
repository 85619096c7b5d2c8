"""Manifests, replays and what they made, the audit log and what is stored, for both clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from pixelflow.client.calls import job_path
from pixelflow.client.exchange import Call, Endpoint
from pixelflow.client.models import Job
from pixelflow.client.pages import Pages
from pixelflow.client.reading import known


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

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "AuditLine":
        """From the API's JSON."""
        return known(cls, document)


def manifest(server: Endpoint, job_id: str) -> Call[Manifest]:
    """What an ended job was made of and with."""
    response = yield from server.ask("GET", f"{job_path(job_id)}/manifest")
    document = response.json()
    return known(Manifest, document)


def replay(server: Endpoint, job_id: str) -> Call[Job]:
    """Run an ended job again, and the new job."""
    response = yield from server.ask("POST", f"{job_path(job_id)}/replay", key=uuid4().hex)
    return Job.read(response.json())


def comparison(server: Endpoint, job_id: str) -> Call[Comparison]:
    """A replay beside its original."""
    response = yield from server.ask("GET", f"{job_path(job_id)}/comparison")
    document = response.json()
    pairs = tuple(known(ComparedOutput, each) for each in document["outputs"])
    return known(Comparison, {**document, "outputs": pairs})


def audit(server: Endpoint, *, action: str | None = None, subject: str | None = None) -> Pages[AuditLine]:
    """Who deleted, held, promoted or changed what, newest first, fetched page by page."""
    return Pages(server, "/v1/audit", AuditLine.read, {"action": action, "subject": subject})


def storage(server: Endpoint) -> Call[dict[str, Any]]:
    """What is stored, and what the sweep would take; ApiError 403 but on the server's own machine."""
    response = yield from server.ask("GET", "/v1/admin/storage")
    document: dict[str, Any] = response.json()
    return document


def sweep(server: Endpoint) -> Call[dict[str, Any]]:
    """Take at once what is kept no longer; ApiError 403 but on the server's own machine."""
    response = yield from server.ask("POST", "/v1/admin/gc")
    document: dict[str, Any] = response.json()
    return document
