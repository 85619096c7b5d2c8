"""SVG with nothing in it that could run, or name anything outside of it."""

from __future__ import annotations

import re
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from pixelflow.domain.errors import ImageError

MAX_ELEMENTS = 50_000
MAX_DEPTH = 200
_DROPPED = frozenset(
    {
        "script",
        "handler",
        "listener",
        "foreignObject",
        "iframe",
        "embed",
        "object",
        "audio",
        "video",
        "canvas",
        "image",
        "feImage",
        "animate",
        "animateColor",
        "animateMotion",
        "animateTransform",
        "set",
        "discard",
        "metadata",
    }
)
"""Elements that go with all that is in them: what runs, what brings files of its own, what moves."""
_REFERENCES = frozenset({"href", "src", "base"})
_OUTSIDE = re.compile(
    r"@import|@font-face|@namespace|expression\s*\(|url\s*\((?!\s*[\"']?\s*#)|\\", re.IGNORECASE
)
"""What CSS reaches out with; a backslash could spell any of it."""


def harmless(content: bytes) -> bytes:
    """The same drawing without them, in UTF-8.

    Raises ImageError: ``unsupported`` for declarations of its own (entities among them), ``corrupt`` for
    what is no XML, ``limit`` for more elements than ``MAX_ELEMENTS`` or deeper than ``MAX_DEPTH``.
    """
    writer = _Writer()
    parser = expat.ParserCreate(namespace_separator=None)
    parser.StartElementHandler = writer.start
    parser.EndElementHandler = writer.end
    parser.CharacterDataHandler = writer.text
    parser.StartDoctypeDeclHandler = _doctype
    parser.EntityDeclHandler = _entity
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ImageError("corrupt", f"the svg file is truncated or damaged ({error})") from error
    if not writer.drawing:
        raise ImageError("unsupported", "the file is XML, and no svg")
    return "".join(writer.parts).encode()


def _doctype(name: str, system: str | None, public: str | None, internal: int) -> None:
    if internal:
        raise ImageError("unsupported", "the svg file declares entities of its own, which are not read")


def _entity(*declared: object) -> None:
    raise ImageError("unsupported", "the svg file declares entities of its own, which are not read")


class _Writer:
    """Writes what it is told but for what goes."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.drawing = False
        self._elements = 0
        self._depth = 0
        self._dropped_at: int | None = None
        self._style: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self._depth += 1
        if self._elements > MAX_ELEMENTS or self._depth > MAX_DEPTH:
            raise ImageError(
                "limit",
                f"the svg file has more than {MAX_ELEMENTS:,} elements, or is nested deeper than {MAX_DEPTH}",
            )
        local = name.rpartition(":")[2]
        if self._depth == 1:
            self.drawing = local == "svg"
        if self._dropped_at is not None:
            return
        if local in _DROPPED:
            self._dropped_at = self._depth
            return
        if local == "style":
            self._style = []
        kept = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items() if _kept(key, value))
        self.parts.append(f"<{name}{kept}>")

    def end(self, name: str) -> None:
        if self._dropped_at is None:
            if self._style is not None and name.rpartition(":")[2] == "style":
                css, self._style = "".join(self._style), None
                self.parts.append("" if _OUTSIDE.search(css) else escape(css))
            self.parts.append(f"</{name}>")
        elif self._dropped_at == self._depth:
            self._dropped_at = None
        self._depth -= 1

    def text(self, content: str) -> None:
        if self._dropped_at is None:
            if self._style is not None:
                self._style.append(content)
            else:
                self.parts.append(escape(content))


def _kept(key: str, value: str) -> bool:
    local = key.rpartition(":")[2].lower()
    if key == "xmlns" or key.startswith("xmlns:"):
        return True
    if local.startswith("on"):
        return False
    if local in _REFERENCES:
        return value.strip().startswith("#")
    return not _OUTSIDE.search(value)
