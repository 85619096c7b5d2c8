"""What every kind of bucket promises."""

from collections.abc import AsyncIterator

import pytest

from harness.names import Opened
from pixelflow.domain.errors import EgressRefused

NAMES = ("a.png", "a b/ü%20c+d.png", "deep/er/x.webp")
LARGE = 20 * 1024 * 1024
"""More than a part."""


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1_000_000):
        yield content[start : start + 1_000_000]


async def write(opened: Opened, name: str, content: bytes) -> str:
    url = f"{opened.base}/{name}"
    await opened.buckets.write("local", url, chunks(content), len(content), "image/png")
    return url


async def read(opened: Opened, url: str) -> bytes:
    async with opened.buckets.read("local", url) as found:
        return b"".join([chunk async for chunk in found])


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_written_is_read(opened: Opened, name: str) -> None:
    url = await write(opened, name, b"pixels")
    assert await read(opened, url) == b"pixels"
    await write(opened, name, b"")
    assert await read(opened, url) == b""


async def test_a_large_object_goes_in_parts(opened: Opened) -> None:
    content = bytes(range(256)) * (LARGE // 256)
    assert await read(opened, await write(opened, "large.bin", content)) == content


@pytest.mark.parametrize("size", [10, LARGE])
async def test_a_write_that_breaks_leaves_what_was_there(opened: Opened, size: int) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield bytes(size // 2)
        raise RuntimeError("mine")

    url = await write(opened, "kept.png", b"before")
    with pytest.raises(RuntimeError, match="mine"):
        await opened.buckets.write("local", url, breaking(), size, "image/png")
    assert await read(opened, url) == b"before"
    assert [found.url async for found in opened.buckets.list("local", opened.base + "/")] == [url]


async def test_what_is_not_there_is_a_key_error(opened: Opened) -> None:
    with pytest.raises(KeyError):
        await read(opened, f"{opened.base}/nothing.png")


async def test_a_list_is_all_below_a_prefix(opened: Opened) -> None:
    for name in (*NAMES, "deeper.png"):
        await write(opened, name, name.encode())
    base = opened.base

    async def listed(prefix: str) -> dict[str, int]:
        return {found.url: found.bytes async for found in opened.buckets.list("local", f"{base}/{prefix}")}

    assert await listed("") == {f"{base}/{name}": len(name.encode()) for name in (*NAMES, "deeper.png")}
    assert set(await listed("deep")) == {f"{base}/deep/er/x.webp", f"{base}/deeper.png"}
    assert set(await listed("deep/")) == {f"{base}/deep/er/x.webp"}
    assert await listed("nothing/") == {}


@pytest.mark.parametrize(
    "name",
    ["../x.png", "a/../../x.png", "./x.png", "a//b.png", "", "x/", "a?b", "a#b", "a\\b", "a\nb", "a\x00b"],
)
async def test_no_other_place_is_reached(opened: Opened, name: str) -> None:
    url = f"{opened.base}/{name}"
    for call in (
        lambda: opened.buckets.check("local", url, "read"),
        lambda: opened.buckets.check("local", url, "write"),
    ):
        with pytest.raises(EgressRefused):
            call()
    with pytest.raises(EgressRefused):
        await read(opened, url)
    with pytest.raises(EgressRefused):
        await opened.buckets.write("local", url, chunks(b"x"), 1, "image/png")


async def test_a_name_that_begins_alike_is_another_place(opened: Opened) -> None:
    for url in (f"{opened.base}-secret/a.png", opened.base, opened.base.rsplit("/", 1)[0] + "/a.png"):
        with pytest.raises(EgressRefused, match=r"STORAGE_ALLOW|called"):
            opened.buckets.check("local", url, "read")
        with pytest.raises(EgressRefused):
            [found async for found in opened.buckets.list("local", url.rsplit("/", 1)[0] + "/")]
