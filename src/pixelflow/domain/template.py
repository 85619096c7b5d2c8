"""Named, versioned, immutable pipelines, and how they are called."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pixelflow.domain.errors import InvalidRequest, Problem
from pixelflow.domain.keep import Keep

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
NAME_WORDS = "1 to 64 letters, digits, - and _, with a letter or a digit first"
ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
ALIAS_WORDS = "1 to 32 letters, digits, - and _, with a letter first; not latest"
REFERENCE_WORDS = "NAME, NAME@VERSION or NAME@ALIAS"
LATEST = "latest"
"""The alias that nobody moves: it always means the newest version."""
BARE = ""
"""The alias that a name alone stands for."""
MAX_VERSION = 2**31 - 1
MAX_DESCRIPTION = 500
"""Characters."""
MAX_ALIASES = 50
"""Of one template."""
MAX_HISTORY = 100
"""Earlier meanings that an alias remembers."""
DEFAULT = "default"
"""The template of an upload that names none."""


@dataclass(frozen=True, slots=True)
class Template:
    """One version; nothing but a deletion changes it. ``created_at`` in Unix seconds, ``None`` for the
    built-in one."""

    tenant: str
    name: str
    version: int
    pipeline: Sequence[Mapping[str, Any]]
    description: str | None = None
    created_at: float | None = None
    keep: Keep | None = None

    @property
    def id(self) -> str:
        """What a job remembers: the exact version."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Meanings:
    """Which versions a template's names mean: the bare one, ``latest``, and every alias."""

    current: int
    newest: int
    aliases: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reference:
    """A template as a caller names it: ``wanted`` is a version's number or an alias, ``BARE`` for the name
    alone."""

    name: str
    wanted: int | str = BARE

    def __str__(self) -> str:
        return self.name if self.wanted == BARE else f"{self.name}@{self.wanted}"


BUILT_IN = Template(
    "",
    DEFAULT,
    0,
    [{"id": "image", "action": "thumbnail", "width": 1024, "height": 1024}],
    "Fitted into 1024 × 1024 pixels, never enlarged, in its own format",
)
"""What ``default`` is until a tenant makes its own."""


def read_reference(given: object, field: str = "template") -> Reference:
    """``thumb``, ``thumb@3`` or ``thumb@canary``; raises InvalidRequest."""
    if isinstance(given, str):
        name, at, wanted = given.partition("@")
        if NAME.fullmatch(name) and not at:
            return Reference(name)
        if NAME.fullmatch(name) and (found := _wanted(wanted)) is not None:
            return Reference(name, found)
    message = f"{field} must be {REFERENCE_WORDS}, such as thumb, thumb@3 or thumb@canary"
    raise InvalidRequest([Problem(message, field, value=given, allowed=REFERENCE_WORDS)])


def read_version(given: object, field: str) -> int | str:
    """A version's number, an alias or ``latest``; raises InvalidRequest."""
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= MAX_VERSION:
        return given
    if isinstance(given, str) and (found := _wanted(given)) is not None:
        return found
    allowed = f"a version's number, an alias, or {LATEST}"
    raise InvalidRequest([Problem(f"{field} must be {allowed}", field, value=given, allowed=allowed)])


def read_name(given: object) -> str:
    """A template's name; raises InvalidRequest."""
    if isinstance(given, str) and NAME.fullmatch(given):
        return given
    raise InvalidRequest([Problem(f"name must be {NAME_WORDS}", "name", value=given, allowed=NAME_WORDS)])


def read_alias(given: object) -> str:
    """An alias that can be moved, ``BARE`` where none is given; raises InvalidRequest."""
    if given is None:
        return BARE
    if isinstance(given, str) and ALIAS.fullmatch(given) and given != LATEST:
        return given
    raise InvalidRequest([Problem(f"alias must be {ALIAS_WORDS}", "alias", value=given, allowed=ALIAS_WORDS)])


def read_description(given: object) -> str | None:
    """A line or two for people; raises InvalidRequest."""
    if given is None or (isinstance(given, str) and 1 <= len(given) <= MAX_DESCRIPTION):
        return given
    allowed = f"text of 1 to {MAX_DESCRIPTION} characters"
    raise InvalidRequest(
        [Problem(f"description must be {allowed}", "description", value=given, allowed=allowed)]
    )


def _wanted(text: str) -> int | str | None:
    if text.isascii() and text.isdigit() and len(text) <= 10 and str(int(text)) == text:
        return int(text) if int(text) <= MAX_VERSION else None
    return text if ALIAS.fullmatch(text) else None
