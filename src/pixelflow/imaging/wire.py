"""What a supervisor and its caged child say to each other.

Over a Unix stream socket: four bytes of length (little endian), then MessagePack. A task's file descriptors
travel with the first of those four bytes: the source, the assets in the order of ``Task.assets``, the outputs
in that of ``Task.outputs``. The child answers tasks in the order in which they came. A length of 0 withdraws
the task sent last: unless the child had begun it, it answers ``Failed("withdrawn")``.
"""

from typing import Any

import msgspec

from pixelflow.domain.choice import Choice
from pixelflow.domain.limits import ImageLimits

HEADER_BYTES = 4
WITHDRAW = bytes(HEADER_BYTES)
MAX_REPLY_BYTES = 256 * 1024
"""A child that announces a longer one is not to be trusted."""


PICTURE_CODES = frozenset({"corrupt", "unsupported", "limit", "invalid"})
"""Failures that are the picture's, or a step's on it."""
CODES = PICTURE_CODES | {"internal", "oom", "storage", "withdrawn"}
"""All that a task can fail with."""


class Task(msgspec.Struct, frozen=True):
    """One job's pixels: no path, no address, no secret; without steps only the source's header is read."""

    steps: list[dict[str, Any]]
    assets: list[str]
    outputs: list[str]
    limits: ImageLimits


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """Percent of the running task's steps done; sent seldom, since a task begins when that before it ends."""

    percent: int


class Made(msgspec.Struct, frozen=True):
    """An output that was written to its descriptor; sides in pixels of one frame."""

    step: str
    format: str
    width: int | None = None
    height: int | None = None
    choice: Choice | None = None


class Written(msgspec.Struct, frozen=True, tag="written"):
    """An output of the running task is complete while others are to come; said once of each."""

    made: Made


class Skipped(msgspec.Struct, frozen=True):
    """A step that failed under ``on_error: skip``."""

    step: str
    code: str
    message: str


class Header(msgspec.Struct, frozen=True):
    """What a file says of itself before it is decoded, and what its pixels will be like for the steps."""

    bytes: int
    frames: int
    alpha: bool
    color: bool
    depth: int
    converted: bool
    cmyk: bool
    turned: bool
    sideways: bool


class Facts(msgspec.Struct, frozen=True):
    """The source as it was found, upright; ``header`` for a task without steps alone."""

    format: str
    width: int
    height: int
    header: Header | None = None


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """A task that went well; ``seconds`` by phase: ``decode``, ``encode``, and each operation's name."""

    made: list[Made]
    skipped: list[Skipped]
    source: Facts
    seconds: dict[str, float]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """A task that cannot be done; codes as in ``domain.job.Failure``.

    Between the two processes alone: ``withdrawn``; ``storage`` when a descriptor failed, its message is the
    errno; ``startup`` instead of ``Ready``.
    """

    code: str
    message: str
    step: str | None = None


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Sent once, after the seal: which parts of the cage hold, and what was loaded."""

    cage: dict[str, str]
    versions: dict[str, str]


Reply = Ready | Progress | Written | Finished | Failed

_encoder = msgspec.msgpack.Encoder()
_task = msgspec.msgpack.Decoder(Task)
_reply: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def pack(message: Task | Reply) -> bytes:
    """A message with its length in front."""
    body = _encoder.encode(message)
    return len(body).to_bytes(HEADER_BYTES, "little") + body


def unpack_task(body: bytes) -> Task:
    """Raises msgspec.DecodeError or ValidationError when it is none."""
    return _task.decode(body)


def unpack_reply(body: bytes | memoryview) -> Reply:
    """Raises msgspec.DecodeError or ValidationError when it is none: such a child is not to be trusted."""
    return _reply.decode(body)
