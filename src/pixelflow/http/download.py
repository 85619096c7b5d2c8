"""Stored bytes as an answer: ETag, ranges (RFC 9110), a name (RFC 6266), and no way to run as a page."""

import os
import re
from dataclasses import dataclass

from pixelflow.control.outputs import output_of
from pixelflow.domain.errors import Gone
from pixelflow.domain.job import Output
from pixelflow.domain.media import extension
from pixelflow.http.exchange import Exchange

SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cache-control", b"private, no-cache"),
    (b"accept-ranges", b"bytes"),
]
_RANGE = re.compile(rb"bytes=(\d{0,100})-(\d{0,100})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """A range that begins after the end."""


async def get_output(exchange: Exchange, job_id: str, step: str) -> None:
    """One step's result."""
    job = await exchange.services.jobs.get((await exchange.caller()).tenant, job_id)
    await send_output(exchange, output_of(job, step))


async def send_output(exchange: Exchange, output: Output) -> None:
    """The bytes of an output, or the part of them that is asked for."""
    tag = f'"{output.sha256}"'.encode()
    headers = [(b"etag", tag), *SAFE]
    known = exchange.header(b"if-none-match")
    if known is not None and _names(known, tag):
        await exchange.empty(304, headers)
        return
    headers.append((b"content-disposition", f'inline; filename="{file_name(output)}"'.encode()))
    size = output.bytes
    part = _range(exchange.header(b"range"), exchange.header(b"if-range"), tag, size)
    if isinstance(part, Unsatisfiable):
        headers += [(b"content-range", b"bytes */%d" % size), (b"content-length", b"0")]
        await exchange.empty(416, headers)
        return
    start, end = part or (0, size)
    headers += [(b"content-type", output.media_type.encode()), (b"content-length", b"%d" % (end - start))]
    if part:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, size)))
    await _send(exchange, output.key, 206 if part else 200, headers, (start, end) if part else None)


async def _send(
    exchange: Exchange,
    key: str,
    status: int,
    headers: list[tuple[bytes, bytes]],
    part: tuple[int, int] | None,
) -> None:
    storage = exchange.services.jobs.storage
    begin = {"type": "http.response.start", "status": status, "headers": headers}
    if exchange.scope["method"] == "HEAD":
        await exchange.empty(status, headers)
        return
    if part is None and "http.response.pathsend" in exchange.scope.get("extensions", ()):
        path = storage.local_path(key)
        if path is not None:
            if not os.access(path, os.R_OK):
                raise _gone()
            await exchange.send(begin)
            await exchange.send({"type": "http.response.pathsend", "path": str(path)})
            return
    chunks = storage.read(key, *(part or ()))
    try:
        first = await anext(chunks, b"")
    except KeyError:
        raise _gone() from None
    await exchange.send(begin)
    await exchange.send({"type": "http.response.body", "body": first, "more_body": True})
    async for chunk in chunks:
        await exchange.send({"type": "http.response.body", "body": chunk, "more_body": True})
    await exchange.send({"type": "http.response.body", "body": b""})


def _gone() -> Gone:
    return Gone("this output's file is gone from the storage", code="output_gone")


def file_name(output: Output) -> str:
    """``<step>.<extension>``; a step's id has letters, digits, ``_`` and ``-`` only, nothing to quote."""
    return f"{output.id}.{extension(output.format)}"


def _names(header: bytes, tag: bytes) -> bool:
    if header.strip() == b"*":
        return True
    return any(each.strip().removeprefix(b"W/") == tag for each in header.split(b","))


def _range(
    wanted: bytes | None, condition: bytes | None, tag: bytes, size: int
) -> tuple[int, int] | Unsatisfiable | None:
    # Several ranges at once, other units and broken ones may be answered with the whole (RFC 9110, 14.2).
    found = (
        _RANGE.fullmatch(wanted.strip())
        if wanted and (condition is None or condition.strip() == tag)
        else None
    )
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        if not last:
            return None
        length = min(int(last), size)
        return (size - length, size) if length else Unsatisfiable()
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    return (start, end) if start < size else Unsatisfiable()
