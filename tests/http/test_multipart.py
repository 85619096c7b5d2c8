"""The form's reader beside python-multipart's parser, whatever the pieces in which a form comes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from python_multipart.multipart import MultipartParser, parse_options_header

from pixelflow.domain.errors import MalformedRequest
from pixelflow.http.multipart import MultipartForm

BOUNDARY = b"--=_b"
TYPE = b'multipart/form-data; boundary="%s"' % BOUNDARY
# Pieces of a delimiter are what can go wrong; a whole one cannot be in a part.
PIECES = [b"\r", b"\n", b"-", b"--", b"\r\n", b"\r\n--", b"\r\n----=_", b"----=_b", b"x", b"\0" * 9]
CONTENT = (
    some.lists(some.sampled_from(PIECES)).map(b"".join).filter(lambda part: b"\r\n--" + BOUNDARY not in part)
)


def body(parts: list[bytes], end: bytes = b"--\r\n") -> bytes:
    heads = (b'--%s\r\nContent-Disposition: form-data; name="p%d"\r\n\r\n' % (BOUNDARY, n) for n in range(20))
    return b"".join(head + part + b"\r\n" for head, part in zip(heads, parts, strict=False)) + (
        b"--" + BOUNDARY + end
    )


def read(chunks: list[bytes]) -> list[tuple[str, bytes]]:
    async def come() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def all_parts() -> list[tuple[str, bytes]]:
        return [(part.name, await part.read()) async for part in MultipartForm(TYPE, come()).parts()]

    return asyncio.run(all_parts())


def reference(whole: bytes) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    value = b""

    def header(data: bytes, start: int, end: int) -> None:
        nonlocal value
        value += data[start:end]

    def begin() -> None:
        nonlocal value
        _, options = parse_options_header(value)
        found.append((options[b"name"].decode(), b""))
        value = b""

    def more(data: bytes, start: int, end: int) -> None:
        found[-1] = found[-1][0], found[-1][1] + data[start:end]

    MultipartParser(
        BOUNDARY, {"on_header_value": header, "on_headers_finished": begin, "on_part_data": more}
    ).write(whole)
    return found


@given(some.lists(CONTENT, min_size=1, max_size=4), some.lists(some.integers(1, 12), max_size=60))
@example([b"\r\n----=_", b"\r"], [1] * 60)
def test_every_way_of_cutting_a_form_gives_the_same_parts(parts: list[bytes], cuts: list[int]) -> None:
    whole = body(parts)
    chunks, at = [], 0
    for cut in cuts:
        chunks.append(whole[at : at + cut])
        at += cut
    chunks.append(whole[at:])

    found = read([chunk for chunk in chunks if chunk])

    assert found == [(f"p{n}", part) for n, part in enumerate(parts)]
    assert found == reference(whole)


async def test_a_part_that_is_not_read_is_passed_over() -> None:
    async def come() -> AsyncIterator[bytes]:
        yield body([b"first", b"second"])

    names = [part.name async for part in MultipartForm(TYPE, come()).parts()]

    assert names == ["p0", "p1"]


async def test_a_large_chunk_comes_through_without_a_copy() -> None:
    chunk = b"\xff" * 400_000
    head, tail = body([b"#"]).split(b"#")

    async def come() -> AsyncIterator[bytes]:
        for each in (head, chunk, tail):
            yield each

    form = MultipartForm(TYPE, come())
    seen = [each async for part in form.parts() async for each in part.stream()]

    assert len(seen) == 1
    assert seen[0] is chunk


@pytest.mark.parametrize(
    ("whole", "why"),
    [
        (b"", "ends in the middle"),
        (body([b"x"], end=b""), "ends in the middle"),
        (body([b"x"])[:-30], "ends in the middle"),
        (body([b"x"], end=b"nonsense\r\n"), "follows a boundary"),
        (body([b"x"]).replace(b"; name", b"; nome"), "has no name"),
        (body([b"x"]).replace(b"Disposition:", b"Disposition"), "is no header"),
        (b"--" + BOUNDARY + b"\r\n\r\nx\r\n--" + BOUNDARY + b"--", "has no name"),
        (body([b"x"]).replace(b"; name", b"; " + b"y" * 4096 + b"; name"), "4096 bytes"),
        (body([b"x"]).replace(b"\r\n\r\n", b"\r\nX: y" * 9 + b"\r\n\r\n"), "8 headers"),
        (b"--" + BOUNDARY + b"\r\n" + b"y" * 40_000, "do not end"),
    ],
)
def test_what_is_no_form_is_told(whole: bytes, why: str) -> None:
    with pytest.raises(MalformedRequest, match=why) as refused:
        read([whole])

    assert refused.value.code == "malformed_form"


@pytest.mark.parametrize(
    "kind",
    [b"multipart/form-data", b"multipart/mixed; boundary=b", b"multipart/form-data; boundary=" + b"b" * 71],
)
def test_a_content_type_that_is_no_form_is_told(kind: bytes) -> None:
    async def come() -> AsyncIterator[bytes]:
        yield b""

    with pytest.raises(MalformedRequest, match="boundary of at most 70 bytes"):
        MultipartForm(kind, come())
