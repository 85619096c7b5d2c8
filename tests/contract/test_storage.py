"""What every storage promises."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from harness.disk import opened
from pixelflow.adapters.storage.local import LocalStorage
from pixelflow.domain.keys import asset_key, input_key, output_key
from pixelflow.ports.storage import Storage

Factory = Callable[[Path], Storage]

BACKENDS: dict[str, Factory] = {
    "local": lambda folder: LocalStorage(folder / "uploads", folder / "outputs"),
    "local, file by file": lambda folder: LocalStorage(
        folder / "uploads", folder / "outputs", whole=False, links=False
    ),
    "local, one folder for all": lambda folder: LocalStorage(folder, folder),
}


@pytest.fixture(params=BACKENDS)
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    opened = BACKENDS[request.param](tmp_path)
    yield opened
    await opened.close()


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def content(storage: Storage, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in storage.read(key, start, end)])


async def everything(storage: Storage) -> set[str]:
    # Younger than now: nothing is left out, whatever the file system's clock rounds to.
    return {entry.key async for entry in storage.list(older_than_seconds=-60)}


async def test_what_is_put_is_read_back_with_its_size_and_hash(storage: Storage) -> None:
    key = input_key("local", "job")
    chunks = [b"abc", b"", os.urandom(700_000), b"tail"]
    stored = await storage.put(key, stream(*chunks))
    whole = b"".join(chunks)
    assert (stored.key, stored.bytes, stored.sha256) == (key, len(whole), hashlib.sha256(whole).hexdigest())
    assert await content(storage, key) == whole


async def test_nothing_at_all_can_be_put(storage: Storage) -> None:
    stored = await storage.put(input_key("local", "job"), stream())
    assert (stored.bytes, stored.sha256) == (0, hashlib.sha256(b"").hexdigest())
    assert await content(storage, stored.key) == b""


@pytest.mark.parametrize(
    ("start", "end"), [(0, 1), (5, 5), (100, 300_000), (299_999, None), (299_000, 999_999), (300_000, None)]
)
async def test_any_range_can_be_read(storage: Storage, start: int, end: int | None) -> None:
    whole = os.urandom(300_000)
    key = (await storage.put(input_key("local", "job"), stream(whole))).key
    assert await content(storage, key, start, end) == whole[start:end]


async def test_a_descriptor_reads_the_whole_object(storage: Storage) -> None:
    key = (await storage.put(input_key("local", "job"), stream(b"whole"))).key
    fd = await storage.open(key)
    try:
        assert os.read(fd, 100) == b"whole"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(fd, b"no")
    finally:
        os.close(fd)


async def test_an_unknown_key_is_a_key_error(storage: Storage) -> None:
    key = output_key("local", "job", 1, "step", "webp")
    with pytest.raises(KeyError, match="step"):
        await storage.open(key)
    with pytest.raises(KeyError, match="step"):
        await content(storage, key)


async def test_a_path_where_there_is_one_holds_the_same_bytes(storage: Storage) -> None:
    key = (await storage.put(input_key("local", "job"), stream(b"same"))).key
    path = storage.local_path(key)
    assert path is None or path.read_bytes() == b"same"


async def test_staged_files_become_visible_together_when_committed(storage: Storage) -> None:
    keys = [output_key("local", "job", 1, step, "webp") for step in ("large", "small")]
    staged = [storage.stage(key) for key in keys]
    for number, file in enumerate(staged):
        os.write(file.fd, bytes([number]) * (1000 + number))
    before = [opened(file.fd) for file in staged]
    for key in keys:
        with pytest.raises(KeyError):
            await storage.open(key)
    stored = await storage.commit(staged)
    assert [item.key for item in stored] == keys
    assert [item.bytes for item in stored] == [1000, 1001]
    for number, item in enumerate(stored):
        bytes_ = bytes([number]) * (1000 + number)
        assert item.sha256 == hashlib.sha256(bytes_).hexdigest()
        assert await content(storage, item.key) == bytes_
    assert all(opened(file.fd) != was for file, was in zip(staged, before, strict=True))


async def test_a_descriptor_that_another_process_moved_is_hashed_from_its_start(storage: Storage) -> None:
    staged = storage.stage(output_key("local", "job", 1, "step", "png"))
    os.write(staged.fd, b"header, body")
    os.lseek(staged.fd, 3, os.SEEK_SET)
    [stored] = await storage.commit([staged])
    assert stored.sha256 == hashlib.sha256(b"header, body").hexdigest()


async def test_committing_nothing_answers_nothing(storage: Storage) -> None:
    assert list(await storage.commit([])) == []


async def test_what_is_discarded_leaves_nothing(storage: Storage) -> None:
    staged = [storage.stage(output_key("local", "job", 1, step, "webp")) for step in ("a", "b")]
    os.write(staged[0].fd, b"half")
    before = opened(staged[0].fd)
    await storage.discard(staged)
    assert await everything(storage) == set()
    assert opened(staged[0].fd) != before


class ClientGoneError(Exception):
    """As when a client goes away."""


async def test_a_stream_that_breaks_leaves_nothing_and_its_error_goes_through(storage: Storage) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half of it"
        raise ClientGoneError

    with pytest.raises(ClientGoneError):
        await storage.put(input_key("local", "job"), broken())
    assert await everything(storage) == set()


async def test_a_put_that_is_cancelled_leaves_nothing(storage: Storage) -> None:
    reached = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"half of it"
        reached.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(storage.put(input_key("local", "job"), endless()))
    await reached.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert await everything(storage) == set()


async def test_many_at_once_are_all_kept(storage: Storage) -> None:
    bodies = {input_key("local", f"job{number}"): os.urandom(number * 37) for number in range(300)}
    stored = await asyncio.gather(*(storage.put(key, stream(body)) for key, body in bodies.items()))
    assert {item.key: item.sha256 for item in stored} == {
        key: hashlib.sha256(body).hexdigest() for key, body in bodies.items()
    }
    assert await everything(storage) == set(bodies)


async def test_writers_of_one_key_never_mix(storage: Storage) -> None:
    key = asset_key("local", "logo")
    bodies = [bytes([number]) * 200_000 for number in range(8)]
    await asyncio.gather(*(storage.put(key, stream(body[:100_000], body[100_000:])) for body in bodies))
    assert await content(storage, key) in bodies
    assert await everything(storage) == {key}


async def test_a_reader_keeps_the_bytes_it_opened(storage: Storage) -> None:
    key = asset_key("local", "logo")
    await storage.put(key, stream(b"old"))
    fd = await storage.open(key)
    try:
        await storage.put(key, stream(b"new"))
        await storage.delete([key])
        assert os.read(fd, 10) == b"old"
    finally:
        os.close(fd)


async def test_deleting_is_final_and_may_be_repeated(storage: Storage) -> None:
    kept, gone = input_key("local", "job"), output_key("local", "job", 1, "step", "webp")
    for key in (kept, gone):
        await storage.put(key, stream(b"bytes"))
    await storage.delete([gone, output_key("local", "never", 1, "step", "webp")])
    await storage.delete([gone])
    assert await everything(storage) == {kept}


async def test_tenants_and_kinds_do_not_meet(storage: Storage) -> None:
    keys = [
        asset_key("a", "x"),
        asset_key("assets", "x"),
        input_key("assets", "x"),
        output_key("a", "x", 1, "x", "y"),
    ]
    for key in keys:
        await storage.put(key, stream(key.encode()))
    assert await everything(storage) == set(keys)
    for key in keys:
        assert await content(storage, key) == key.encode()


async def test_the_list_says_size_and_age_and_leaves_out_the_young(storage: Storage) -> None:
    before = time.time() - 5
    key = (await storage.put(input_key("local", "job"), stream(b"12345"))).key
    [entry] = [entry async for entry in storage.list(older_than_seconds=-60)]
    assert (entry.key, entry.bytes) == (key, 5)
    assert before < entry.modified_at < time.time() + 5
    assert [entry async for entry in storage.list(older_than_seconds=60)] == []


async def test_an_unfinished_write_is_listed_under_a_key_that_can_be_deleted(storage: Storage) -> None:
    final = output_key("local", "job", 1, "step", "webp")
    staged = storage.stage(final)
    os.write(staged.fd, b"half")
    [leftover] = await everything(storage)
    assert leftover != final
    await storage.delete([leftover])
    assert await everything(storage) == set()
    os.close(staged.fd)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "inputs",
        "inputs/local",
        "inputs/local/",
        "/etc/passwd",
        "/inputs/local/x",
        "inputs/local/../../x",
        "inputs/../x/y",
        "inputs/local/..",
        "inputs/local/.hidden",
        "inputs//x",
        "others/local/x",
        "inputs/local/a,b",
        "inputs/local/a b",
        "inputs/local/a\0b",
        "inputs/local/a\n",
        "inputs/lo\\cal/x",
        "inputs/local/ü",
        "inputs/local/" + "x" * 300,
        "unfinished/inputs/local/x/..",
        "unfinished/../../x",
    ],
)
async def test_a_key_that_the_server_would_not_make_is_refused(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.put(key, stream(b"no"))
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.open(key)
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.delete([key])
    with pytest.raises(ValueError, match="not a storage key"):
        storage.local_path(key)
    assert await everything(storage) == set()


async def test_free_space_is_told_where_it_has_a_meaning(storage: Storage) -> None:
    free = await storage.free_bytes()
    assert free is None or free > 0


async def test_a_copy_is_an_object_of_its_own(storage: Storage) -> None:
    whole = os.urandom(300_000)
    stored = await storage.put(output_key("local", "first", 1, "thumb", "jpg"), stream(whole))
    key = output_key("local", "second", 1, "small", "jpg")
    fresh = storage.stage(output_key("local", "second", 1, "large", "jpg"))
    os.write(fresh.fd, b"large")
    copy = await storage.stage_copy(stored.key, key)
    assert os.pread(copy.fd, 10, 0) == whole[:10]
    assert (copy.key, await gone(storage, key)) == (key, True)
    first, second = await storage.commit([copy, fresh])
    assert (first.key, first.bytes, first.sha256) == (key, stored.bytes, stored.sha256)
    assert second.bytes == 5
    await storage.delete([stored.key])
    assert await content(storage, key) == whole
    assert await everything(storage) == {key, second.key}


async def test_a_copy_that_is_discarded_leaves_its_original(storage: Storage) -> None:
    stored = await storage.put(output_key("local", "first", 1, "thumb", "jpg"), stream(b"whole"))
    await storage.discard(
        [await storage.stage_copy(stored.key, output_key("local", "second", 1, "s", "jpg"))]
    )
    assert await everything(storage) == {stored.key}
    assert await content(storage, stored.key) == b"whole"


async def test_what_is_not_there_cannot_be_copied(storage: Storage) -> None:
    missing = output_key("local", "first", 1, "thumb", "jpg")
    with pytest.raises(KeyError):
        await storage.stage_copy(missing, output_key("local", "second", 1, "thumb", "jpg"))
    assert await everything(storage) == set()


async def test_a_copy_is_as_young_as_any_new_object(storage: Storage, tmp_path: Path) -> None:
    stored = await storage.put(output_key("local", "first", 1, "thumb", "jpg"), stream(b"whole"))
    path = storage.local_path(stored.key)
    if path is not None:
        os.utime(path, (1, 1))
    copy = await storage.stage_copy(stored.key, output_key("local", "second", 1, "thumb", "jpg"))
    await storage.commit([copy])
    old = {entry.key async for entry in storage.list(older_than_seconds=3600)}
    assert copy.key not in old


async def gone(storage: Storage, key: str) -> bool:
    try:
        os.close(await storage.open(key))
    except KeyError:
        return True
    return False
