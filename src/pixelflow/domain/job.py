"""A job, its states, and the only transitions between them."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from pixelflow.domain.choice import Choice
from pixelflow.domain.keep import Gone, Keep


class JobState(StrEnum):
    """Where a job is in its life; every change of it is an edge of ``TRANSITIONS``."""

    AWAITING_UPLOAD = "awaiting_upload"
    """Created without bytes; ended by ``start`` after the upload, by ``cancel``, or by the keeper when none
    comes."""
    QUEUED = "queued"
    """Durable and waiting, with ``not_before`` for that time first; ended by a claim or by ``cancel``."""
    PROCESSING = "processing"
    """Claimed by one owner under a lease; ended by that owner, by ``cancel``, or by the keeper once the
    lease is over."""
    COMPLETED = "completed"
    """Every step has its output; ended by nothing."""
    FAILED = "failed"
    """The picture or a step cannot be done, no upload came, or what it needs did not answer too often;
    ``retry`` queues it again."""
    CANCELLED = "cancelled"
    """The caller stopped it; ``retry`` queues it again."""
    QUARANTINED = "quarantined"
    """It killed its decoder three times, or its worker five times; kept with its input until ``retry``."""


S = JobState
TERMINAL = frozenset({S.COMPLETED, S.FAILED, S.CANCELLED, S.QUARANTINED})
TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    S.AWAITING_UPLOAD: frozenset({S.QUEUED, S.CANCELLED, S.FAILED}),
    S.QUEUED: frozenset({S.PROCESSING, S.CANCELLED}),
    S.PROCESSING: frozenset({S.COMPLETED, S.FAILED, S.CANCELLED, S.QUARANTINED, S.QUEUED}),
    S.COMPLETED: frozenset(),
    S.FAILED: frozenset({S.QUEUED}),
    S.CANCELLED: frozenset({S.QUEUED}),
    S.QUARANTINED: frozenset({S.QUEUED}),
}
RETRYABLE = frozenset(state for state in TERMINAL if S.QUEUED in TRANSITIONS[state])

MAX_CRASHES = 3
"""Attempts that killed their decoder (crash or out of memory) before a job is quarantined."""
MAX_LOSSES = 5
"""Attempts whose worker vanished before a job is quarantined."""
LOCAL_TENANT = "local"
"""The one tenant of a server without authentication."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job ended without its outputs.

    ``code`` is one of ``corrupt``, ``unsupported``, ``limit``, ``invalid`` (a step that this picture cannot
    take), ``timeout``, ``crash``, ``oom``, ``lost``, ``unavailable`` (the store, the storage or another
    machine did not answer, again and again), ``upload_expired``, ``source_missing``, ``internal``.

    Of a picture by URL: ``source_not_found``, ``source_denied`` (another refusal that stays),
    ``source_refused`` (a URL or an address that this server does not call), ``source_unsupported``,
    ``source_too_large``, ``source_sha256``, ``source_quota``, ``source_unreachable`` (tried often enough);
    of one that a step refers to the same with ``reference_``. Of outputs that are sent elsewhere:
    ``delivery_refused``, ``delivery_unreachable``.
    """

    code: str
    message: str
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The job's input: ``kind`` is how it came (upload, s3_presigned, url, base64), the rest is known once
    it is stored."""

    kind: str
    key: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    format: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a job's picture is to be fetched from; ``headers`` may be secrets and are shown to nobody,
    ``sha256`` is what the bytes must have."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a job's outputs are to be sent as well: one address, ``naming`` tells the name of each there;
    ``headers`` may be secrets and are shown to nobody."""

    url: str
    naming: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Output:
    """One kept result of a step, durable in storage under ``key``, or gone from there when that is empty.

    Width and height are in pixels, absent for what is no picture. ``cached`` when it is that of an earlier
    job, made of the same bytes by the same step; ``choice`` where the format or the quality was left to
    PixelFlow; ``ready_at`` when it was told of before the job's end; ``delivered`` is where it was sent as
    well, without the URL's query.
    """

    id: str
    key: str
    format: str
    media_type: str
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    cached: bool = False
    choice: Choice | None = None
    ready_at: float | None = None
    delivered: str | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture says of itself before it is decoded, sides in pixels, and ``cost``, the CPU time in
    seconds that was predicted from it."""

    format: str
    width: int
    height: int
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class SkippedOutput:
    """A step that failed under ``on_error: skip``."""

    id: str
    error: Failure


@dataclass(frozen=True, slots=True)
class Job:
    """Every fact about a job; times are Unix seconds, ``pipeline`` is the list of steps as the caller sent
    it.

    ``sequence`` is that of the job's last stored event: whoever changed a job can publish the event from
    it. ``not_before`` is when a queued job may be claimed, because of ``scheduled_at``, after a fault, or
    while a machine that it needs is left alone; ``faults`` counts since it was queued by its caller; ``cost``
    is the predicted CPU time in seconds, ``hold`` keeps the job from being deleted.
    ``sweep_at`` is when something of an ended job is next to go, ``gone`` what went already. ``pixels`` of
    the source's one frame, predicted until it was decoded, are counted on the day ``charged_on`` (UTC), as
    is the CPU time ``spent`` in seconds. ``replay_of`` is the job that this one runs again.
    """

    tenant: str
    id: str
    state: JobState
    pipeline: Sequence[Mapping[str, Any]]
    source: Source
    created_at: float
    updated_at: float
    outputs: Sequence[Output] = ()
    skipped: Sequence[SkippedOutput] = ()
    progress: int = 0
    priority: int = 0
    attempt: int = 0
    crashes: int = 0
    losses: int = 0
    owner: str | None = None
    lease_until: float | None = None
    error: Failure | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    webhook_url: str | None = None
    queued_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    expires_at: float | None = None
    sequence: int = 0
    not_before: float | None = None
    scheduled_at: float | None = None
    deadline_seconds: float | None = None
    hold: bool = False
    template: str | None = None
    batch_id: str | None = None
    faults: int = 0
    remote: Remote | None = None
    target: Target | None = None
    cost: float | None = None
    manifest: Mapping[str, Any] | None = None
    keep: Keep | None = None
    sweep_at: float | None = None
    gone: Gone | None = None
    pixels: int | None = None
    charged_on: str | None = None
    spent: float | None = None
    replay_of: str | None = None

    @property
    def claim(self) -> "Claim":
        """The fence of the running attempt; only for a job just claimed."""
        assert self.owner is not None
        return Claim(self.tenant, self.id, self.attempt, self.owner)

    @property
    def keys(self) -> Sequence[str]:
        """Every storage key that the job names."""
        return [key for key in (self.source.key, *(output.key for output in self.outputs)) if key]

    @property
    def source_bytes(self) -> int:
        """Of the source's file, while it is there."""
        return self.source.bytes if self.source.key and self.source.bytes else 0

    @property
    def stored_bytes(self) -> int:
        """Of all files that it names."""
        return self.source_bytes + sum(output.bytes for output in self.outputs if output.key)

    def due(self, part: str) -> float | None:
        """When a part of an ended job goes (``source``, ``outputs``, ``record``), in Unix seconds; ``None``
        for never, and for what is not there."""
        if part == "source" and self.source.key is None:
            return None
        if part == "outputs" and not any(output.key for output in self.outputs):
            return None
        seconds: float | None = getattr(self.keep, part) if self.keep else None
        ends = [] if seconds is None or self.finished_at is None else [self.finished_at + seconds]
        ends += [self.expires_at] if part == "record" and self.expires_at is not None else []
        return min(ends, default=None)

    @property
    def terminal(self) -> bool:
        """Whether nothing but ``retry`` or deletion will change it."""
        return self.state in TERMINAL


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker must show with every write: this attempt of this job is mine."""

    tenant: str
    job_id: str
    attempt: int
    owner: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What an attempt leaves behind when its job ends: outputs on success, a failure otherwise."""

    outputs: Sequence[Output] = ()
    skipped: Sequence[SkippedOutput] = ()
    failure: Failure | None = None
    source_format: str | None = None
    source_width: int | None = None
    source_height: int | None = None
    keys: Mapping[str, bytes] = field(default_factory=dict)
    """Under which key of the step cache each output is to be found again, by step."""
    manifest: Mapping[str, Any] | None = None
    """What the outputs were made with: versions, hashes, seconds by phase."""
    spent: Mapping[str, float] | None = None
    """CPU seconds by phase (``decode``, ``encode``, an operation's name); empty when nothing was done, absent
    when nobody knows."""


def new_id() -> str:
    """A UUIDv7 (RFC 9562): ordered by creation to the millisecond, so that newest-first pages need no other
    index."""
    value = int.from_bytes(os.urandom(16), "big")
    value &= ~(0xFFFF_FFFF_FFFF << 80 | 0xF << 76 | 0x3 << 62)
    value |= (time.time_ns() // 1_000_000) << 80 | 0x7 << 76 | 0x2 << 62
    return str(UUID(int=value))
