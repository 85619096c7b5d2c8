"""multipart/form-data (RFC 7578), part by part as it streams."""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from pixelflow.domain.errors import MalformedRequest, TooLarge
from pixelflow.http.body import MAX_JSON_BYTES

MAX_PARTS = 16
MAX_PART_HEADERS = 8
MAX_PART_HEADER_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Part:
    """A part's beginning; its bytes follow. The file's name that a client gives is not even read."""

    name: str
    form: "MultipartForm"

    async def stream(self) -> AsyncIterator[bytes]:
        """The part's bytes in chunks."""
        while (chunk := await self.form.next_data()) is not None:
            yield chunk

    async def read(self) -> bytes:
        """A small part as a whole; raises TooLarge."""
        found = bytearray()
        while (chunk := await self.form.next_data()) is not None:
            found += chunk
            if len(found) > MAX_JSON_BYTES:
                raise TooLarge(
                    f"the part {self.name!r} is larger than {MAX_JSON_BYTES} bytes", limit=MAX_JSON_BYTES
                )
        return bytes(found)


class MultipartForm:
    """Parts in the order in which they come, each to be read before the next; raises MalformedRequest."""

    def __init__(self, content_type: bytes, body: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise MalformedRequest(
                "the body must be multipart/form-data with a boundary", code="malformed_form"
            )
        self._body = body
        self._found: deque[Part | bytes | None] = deque()
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._parts = 0
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
            max_header_count=MAX_PART_HEADERS,
            max_header_size=MAX_PART_HEADER_BYTES,
        )

    async def parts(self) -> AsyncIterator[Part]:
        """Each part as soon as its headers are there."""
        while await self._fill():
            if isinstance(found := self._found.popleft(), Part):
                yield found

    async def next_data(self) -> bytes | None:
        """The next bytes of the current part, ``None`` at its end."""
        if not await self._fill():
            return None
        found = self._found.popleft()
        assert not isinstance(found, Part)
        return found

    async def _fill(self) -> bool:
        while not self._found:
            if self._ended:
                return False
            try:
                self._parser.write(await anext(self._body))
            except MultipartParseError as error:
                raise MalformedRequest(f"the form cannot be read: {error}", code="malformed_form") from None
            except StopAsyncIteration:
                if not self._ended:
                    raise MalformedRequest("the form ends in the middle", code="malformed_form") from None
        return True

    def _begin(self) -> None:
        self._parts += 1
        self._disposition = b""
        if self._parts > MAX_PARTS:
            raise MalformedRequest(
                f"the form has more than {MAX_PARTS} parts", code="too_many_parts", limit=MAX_PARTS
            )

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        self._found.append(Part(_name(self._disposition), self))

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._found.append(data[start:end])

    def _end_part(self) -> None:
        self._found.append(None)

    def _end(self) -> None:
        self._ended = True


@lru_cache(maxsize=64)
def _name(disposition: bytes) -> str:
    _, options = parse_options_header(disposition)
    name = options.get(b"name")
    if not name:
        raise MalformedRequest("a part of the form has no name", code="malformed_form")
    return name.decode("utf-8", "replace")
