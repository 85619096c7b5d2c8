"""multipart/form-data (RFC 7578), part by part as it streams.

A scan for the delimiter and no state machine: on the path of every upload the callbacks of one cost more than
all else that a small request does.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache

from python_multipart.multipart import parse_options_header

from pixelflow.domain.errors import MalformedRequest, TooLarge
from pixelflow.http.body import MAX_JSON_BYTES

MAX_PARTS = 16
MAX_PART_HEADERS = 8
MAX_PART_HEADER_BYTES = 4096
"""Of one header."""
MAX_BOUNDARY_BYTES = 70
"""RFC 2046, 5.1.1."""
_LINE = b"\r\n"


@dataclass(frozen=True, slots=True)
class Part:
    """A part's beginning; its bytes follow. The file's name that a client gives is not even read."""

    name: str
    form: "MultipartForm"

    def stream(self) -> AsyncIterator[bytes]:
        """The part's bytes in chunks."""
        return self.form.data()

    async def read(self) -> bytes:
        """A small part as a whole; raises TooLarge."""
        found = b""
        async for chunk in self.form.data():
            found += chunk
            if len(found) > MAX_JSON_BYTES:
                raise TooLarge(
                    f"the part {self.name!r} is larger than {MAX_JSON_BYTES} bytes", limit=MAX_JSON_BYTES
                )
        return found


class MultipartForm:
    """Parts in the order in which they come, each to be read before the next; raises MalformedRequest."""

    def __init__(self, content_type: bytes, body: AsyncIterator[bytes]) -> None:
        self._delimiter = _delimiter(content_type)
        self._body = body
        self._ahead = _LINE  # so that the first delimiter looks like all others
        self._open = True
        """Whether there are bytes before the next delimiter that nobody has read."""

    async def parts(self) -> AsyncIterator[Part]:
        """Each part as soon as its headers are there."""
        count = 0
        while True:
            async for _ in self.data():
                pass
            if await self._last():
                return
            count += 1
            if count > MAX_PARTS:
                raise MalformedRequest(
                    f"the form has more than {MAX_PARTS} parts", code="too_many_parts", limit=MAX_PARTS
                )
            headers = await self._until(_LINE + _LINE)
            self._open = True
            yield Part(_name(headers), self)

    async def data(self) -> AsyncIterator[bytes]:
        """What is left of the current part, in chunks as they come, without a copy where that can be."""
        delimiter = self._delimiter
        while self._open:
            ahead = self._ahead
            at = ahead.find(delimiter)
            if at >= 0:
                self._open = False
                self._ahead = ahead[at + len(delimiter) :]
                if at:
                    yield ahead[:at]
                return
            # The delimiter may have begun at the very end.
            safe = ahead.find(b"\r", max(0, len(ahead) - len(delimiter) + 1))
            safe = len(ahead) if safe < 0 else safe
            self._ahead = ahead[safe:]
            if safe:
                yield ahead[:safe]
            await self._more()

    async def _last(self) -> bool:
        """Whether the delimiter just read ends the form; else the rest of its line is passed over."""
        while len(self._ahead) < len(_LINE):
            await self._more()
        if self._ahead.startswith(b"--"):
            return True
        # A part without any header has its empty line here.
        padding = await self._until(_LINE)
        if padding.strip(b" \t"):
            raise _malformed(f"{padding[:40]!r} follows a boundary")
        self._ahead = _LINE + self._ahead
        return False

    async def _until(self, end: bytes) -> bytes:
        """What comes before ``end``, which is passed over."""
        while (at := self._ahead.find(end)) < 0:
            if len(self._ahead) > MAX_PART_HEADERS * MAX_PART_HEADER_BYTES:
                raise _malformed("a part's headers do not end")
            await self._more()
        found, self._ahead = self._ahead[:at], self._ahead[at + len(end) :]
        return found

    async def _more(self) -> None:
        try:
            more = await anext(self._body)
        except StopAsyncIteration:
            raise MalformedRequest("the form ends in the middle", code="malformed_form") from None
        self._ahead = self._ahead + more if self._ahead else more


@lru_cache(maxsize=64)
def _delimiter(content_type: bytes) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary or len(boundary) > MAX_BOUNDARY_BYTES:
        raise MalformedRequest(
            f"the body must be multipart/form-data with a boundary of at most {MAX_BOUNDARY_BYTES} bytes",
            code="malformed_form",
        )
    return _LINE + b"--" + boundary


@lru_cache(maxsize=64)
def _name(headers: bytes) -> str:
    """The name in a part's Content-Disposition."""
    lines = headers.split(_LINE)
    if len(lines) > MAX_PART_HEADERS + 1 or len(max(lines, key=len)) > MAX_PART_HEADER_BYTES:
        most = f"{MAX_PART_HEADERS} headers of {MAX_PART_HEADER_BYTES} bytes"
        raise _malformed(f"a part has more than {most}")
    for line in lines:
        field, colon, value = line.partition(b":")
        if line and not colon:
            raise _malformed(f"{line[:40]!r} is no header of a part")
        if field.strip().lower() == b"content-disposition":
            _, options = parse_options_header(value.strip())
            if name := options.get(b"name"):
                return name.decode("utf-8", "replace")
    raise MalformedRequest("a part of the form has no name", code="malformed_form")


def _malformed(why: str) -> MalformedRequest:
    return MalformedRequest(f"the form cannot be read: {why}", code="malformed_form")
