"""What the server tells, as frozen dataclasses; sides in pixels, sizes in bytes, times in UTC."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pixelflow.client.reading import known
from pixelflow.domain.choice import Choice, Trial
from pixelflow.domain.media import BY_NAME

Pipeline = Sequence[Mapping[str, Any]]
TERMINAL = frozenset({"completed", "failed", "cancelled", "quarantined"})
"""The states in which a job has ended."""


@dataclass(frozen=True, slots=True)
class Source:
    """A job's input; all but ``type`` and ``url`` are known once it is stored, the sides once it was
    decoded. ``url`` is where it is fetched from, without its query."""

    type: str = ""
    bytes: int | None = None
    sha256: str | None = None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job, or a step under ``on_error: skip``, has no output."""

    code: str = "unknown"
    message: str = ""
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One step's result, of ``size`` bytes; one with an ``error`` was skipped and cannot be fetched.

    ``cached`` when the server had it from an earlier job; ``choice`` tells of the format and quality where
    they were left to the server; ``delivered`` is where it was sent as well, without the URL's query.
    """

    id: str
    status: str = "completed"
    format: str = ""
    size: int = 0
    sha256: str = ""
    width: int | None = None
    height: int | None = None
    cached: bool = False
    choice: Choice | None = None
    error: Failure | None = None
    delivered: str | None = None

    @property
    def file_name(self) -> str:
        """``<step>.<extension>``; raises ValueError when the server names a step that gives no file name."""
        extension = BY_NAME[self.format].extensions[0] if self.format in BY_NAME else self.format
        if not (extension.isalnum() and re.fullmatch(r"[\w-]+", self.id)):
            raise ValueError(f"{self.id!r} in the format {self.format!r} gives no file name")
        return f"{self.id}.{extension}"


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the server knew it when it answered."""

    id: str
    status: str
    progress: int = 0
    position: int | None = None
    """Of a queued job that was asked for by its id: 1 is claimed next."""
    eta_seconds: float | None = None
    attempt: int = 0
    faults: int = 0
    deadline_seconds: float | None = None
    hold: bool = False
    priority: int = 0
    source: Source = field(default_factory=Source)
    pipeline: Sequence[Mapping[str, Any]] = ()
    template: str | None = None
    batch_id: str | None = None
    outputs: tuple[Output, ...] = ()
    error: Failure | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    webhook_url: str | None = None
    store: Mapping[str, Any] | None = None
    scheduled_at: datetime | None = None
    not_before: datetime | None = None
    created_at: datetime | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    keep: Mapping[str, float | None] | None = None
    replay_of: str | None = None

    @property
    def terminal(self) -> bool:
        """Whether only ``retry`` or deletion will change it."""
        return self.status in TERMINAL

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Job":
        """From the API's JSON."""
        return known(
            cls,
            {
                **document,
                "source": known(Source, document.get("source") or {}),
                "outputs": tuple(_output(item) for item in document.get("outputs") or ()),
                "error": _failure(document.get("error")),
            },
        )


@dataclass(frozen=True, slots=True)
class Asset:
    """A stored picture that pipelines refer to by its id."""

    id: str
    format: str = ""
    media_type: str = ""
    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a step's ``action`` can be; ``parameters`` is a JSON Schema."""

    name: str
    family: str = ""
    title: str = ""
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    animated: bool = False
    output: str = "image"


@dataclass(frozen=True, slots=True)
class Format:
    """An image format that the server reads or writes; ``max_depth`` in bits a channel."""

    name: str
    media_type: str = ""
    extensions: Sequence[str] = ()
    reads: bool = False
    writes: bool = False
    animated: bool = False
    alpha: bool = False
    max_depth: int = 8
    extra: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedOutput:
    """An output as it will be; ``size`` in bytes, seconds and memory are estimates, ``None`` is not known."""

    id: str
    format: str | None = None
    width: int | None = None
    height: int | None = None
    alpha: bool | None = None
    frames: int | None = None
    size: int | None = None
    cpu_seconds: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """What may not be wanted of a pipeline, and what to change then."""

    code: str
    step: str | None = None
    message: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pipeline will make."""

    outputs: tuple[PlannedOutput, ...] = ()
    warnings: tuple[Advice, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Plan":
        """From the API's JSON."""
        return cls(
            tuple(known(PlannedOutput, {**each, "size": each.get("bytes")}) for each in document["outputs"]),
            tuple(known(Advice, each) for each in document["warnings"]),
        )


def _failure(value: object) -> Failure | None:
    return known(Failure, value) if isinstance(value, dict) else None


def _output(document: Mapping[str, Any]) -> Output:
    return known(
        Output,
        {
            **document,
            "size": document.get("bytes"),
            "choice": _choice(document.get("choice")),
            "error": _failure(document.get("error")),
        },
    )


def _choice(value: object) -> Choice | None:
    if not isinstance(value, dict):
        return None
    return known(Choice, {**value, "tried": tuple(known(Trial, each) for each in value.get("tried") or ())})
