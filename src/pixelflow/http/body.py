"""Request bodies, streamed or whole, never slower and never larger than is allowed."""

import asyncio
import binascii
from collections.abc import AsyncIterator, Mapping
from typing import Any

from pixelflow.control.reading import read_json
from pixelflow.domain.errors import MalformedRequest, TooLarge
from pixelflow.http.errors import Disconnected, SlowBody
from pixelflow.http.exchange import Exchange
from pixelflow.http.services import Receive

SLOW_BYTES_PER_SECOND = 1024
MAX_JSON_BYTES = 1024 * 1024
"""Of a JSON body, pictures in base64 not counted."""
INLINE_BASE64 = 256 * 1024
LINGER_BYTES = 64 * 1024 * 1024
LINGER_SECONDS = 2.0


class _Pace:
    """Ends the wait for a body that is too slow, and no other: a cancelled ``receive`` may lose a chunk."""

    def __init__(self, window_seconds: float) -> None:
        self.waiting = False
        self.slow = False
        self.came = 0
        self._window = window_seconds
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(window_seconds, self._judge)

    def _judge(self) -> None:
        if self.waiting and self.came < SLOW_BYTES_PER_SECOND * self._window:
            assert self._task is not None
            self.slow = True
            self._task.cancel()
            return
        self.came = 0
        self._timer = self._loop.call_later(self._window, self._judge)

    async def next(self, receive: Receive) -> Mapping[str, Any]:
        """The next message; raises SlowBody."""
        self.waiting = True
        try:
            return await receive()
        except asyncio.CancelledError:
            if not self.slow:
                raise
            assert self._task is not None
            self._task.uncancel()
            raise SlowBody(
                f"{self.came} bytes came in {self._window:g} s, fewer than {SLOW_BYTES_PER_SECOND} a second; "
                "SLOW_BODY_SECONDS sets this time",
                setting="SLOW_BODY_SECONDS",
            ) from None
        finally:
            self.waiting = False

    def stop(self) -> None:
        self._timer.cancel()


async def stream(exchange: Exchange) -> AsyncIterator[bytes]:
    """The body in chunks as they come; raises Disconnected, and SlowBody for less than 1 KB a second."""
    pace = _Pace(exchange.services.options.slow_body_seconds)
    try:
        while True:
            message = await pace.next(exchange.receive)
            if message["type"] == "http.disconnect":
                raise Disconnected("the body ended before all of it came")
            chunk = message.get("body", b"")
            pace.came += len(chunk)
            if chunk:
                yield chunk
            if not message.get("more_body"):
                exchange.body_ended = True
                return
    finally:
        pace.stop()


async def read(exchange: Exchange, limit_bytes: int, setting: str | None = None) -> bytes:
    """The whole body; raises TooLarge over ``limit_bytes``, before reading where the length is announced.

    Raises Busy when all whole bodies together would take too much memory.
    """
    announced = exchange.header(b"content-length")
    if announced is not None and int(announced) > limit_bytes:
        raise _too_large(limit_bytes, setting)
    chunks = []
    size = 0
    async for chunk in stream(exchange):
        size += len(chunk)
        if size > limit_bytes:
            raise _too_large(limit_bytes, setting)
        exchange.hold(len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)


async def json_object(
    exchange: Exchange,
    picture_field: str | None = None,
    picture_bytes: int = 0,
    *,
    may_be_empty: bool = False,
) -> dict[str, Any]:
    """The body as a JSON object; raises MalformedRequest, TooLarge.

    A ``picture_field`` may hold a picture of up to ``picture_bytes`` in base64; it comes decoded, as bytes.
    """
    base64_bytes = (picture_bytes + 2) // 3 * 4 if picture_field else 0
    limit = MAX_JSON_BYTES + base64_bytes
    if picture_field and int(exchange.header(b"content-length") or 0) > limit:
        raise _too_large(picture_bytes, "MAX_UPLOAD_SIZE")
    body = await read(exchange, limit, "MAX_UPLOAD_SIZE" if picture_field else None)
    if not body and may_be_empty:
        return {}
    found = read_json(body, "the body")
    if not isinstance(found, dict):
        raise MalformedRequest("the body must be a JSON object", code="malformed_json")
    picture = found.get(picture_field) if picture_field else None
    if isinstance(picture, str):
        if len(body) - len(picture) > MAX_JSON_BYTES:
            raise _too_large(MAX_JSON_BYTES, None)
        found[picture_field] = await _base64(picture, str(picture_field))
        if len(found[picture_field]) > picture_bytes:
            raise _too_large(picture_bytes, "MAX_UPLOAD_SIZE")
    elif len(body) > MAX_JSON_BYTES:
        raise _too_large(MAX_JSON_BYTES, None)
    return found


async def _base64(text: str, field: str) -> bytes:
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        if len(text) <= INLINE_BASE64:
            return _decoded(text)
        return await asyncio.to_thread(_decoded, text)
    except ValueError as error:
        raise MalformedRequest(
            f"{field} is not base64: {error}", code="malformed_base64", field=field
        ) from None


def _decoded(text: str) -> bytes:
    if any(space in text for space in "\n\r \t"):
        text = "".join(text.split())
    return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)


async def linger(exchange: Exchange) -> None:
    """After a refusal, take in for a while what still comes, so that the client reads the answer at last."""
    sends = exchange.header(b"content-length") or exchange.header(b"transfer-encoding")
    left = LINGER_BYTES if sends and not exchange.body_ended else 0
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0:
                message = await exchange.receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
    except TimeoutError:
        return


def _too_large(limit: int, setting: str | None) -> TooLarge:
    named = f"; {setting} sets this limit" if setting else ""
    return TooLarge(
        f"the body is larger than {limit} bytes{named}",
        limit=limit,
        **({"setting": setting} if setting else {}),
    )
