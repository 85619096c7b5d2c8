"""Buckets of S3, Google Cloud and Azure, and folders, by obstore."""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, from_url

from pixelflow.adapters.buckets.prefixes import Place, Prefix, opened
from pixelflow.domain.errors import EgressRefused, StartupError
from pixelflow.ports.buckets import Access, Object

RETRIES = 2
"""Of a single request; whoever asked tries the whole again."""
CHUNK_BYTES = 256 * 1024
PART_BYTES = 8 * 1024 * 1024
"""A larger object goes in parts, few of them at once."""
PARTS_AT_ONCE = 2


class ObstoreBuckets:
    """Each prefix with a client of its own, made at the start so that a wrong option is told then.

    Raises StartupError. Credentials that no option names come from where the service's own tools find them.
    """

    def __init__(self, prefixes: Sequence[Prefix], connect_seconds: float, seconds: float) -> None:
        self._prefixes = prefixes
        self._stores = [_store(prefix, connect_seconds, seconds) for prefix in prefixes]

    def check(self, tenant: str, url: str, access: Access) -> None:
        opened(self._prefixes, tenant, url, access)

    @asynccontextmanager
    async def read(self, tenant: str, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        store, place = self._opened(tenant, url, "read")
        with _translated(place):
            found = await obstore.get_async(store, place.key)
        yield _chunks(found, place)

    async def write(
        self, tenant: str, url: str, chunks: AsyncIterable[bytes], size: int, media_type: str
    ) -> None:
        store, place = self._opened(tenant, url, "write")
        local = place.scheme == "file"
        parts = size > PART_BYTES
        with _translated(place):
            await obstore.put_async(
                store,
                place.key,
                chunks if parts else b"".join([chunk async for chunk in chunks]),
                use_multipart=parts,
                attributes=None if local else {"Content-Type": media_type},
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
            if local:
                await asyncio.to_thread(_sync, Path("/", place.key))

    async def list(self, tenant: str, prefix: str) -> AsyncIterator[Object]:
        folder, _, start = prefix.rpartition("/")
        # Any name below the prefix stands for all of them: what is opened is opened whole.
        store, place = self._opened(tenant, f"{folder}/{start or 'x'}", "read")
        above = place.key.rpartition("/")[0]
        with _translated(place):
            async for page in obstore.list(store, prefix=above or None):
                for entry in page:
                    found = Place(place.scheme, place.root, entry["path"])
                    if found.url.startswith(prefix):
                        yield Object(found.url, entry["size"])

    def _opened(self, tenant: str, url: str, access: Access) -> tuple[Any, Place]:
        prefix, place = opened(self._prefixes, tenant, url, access)
        return self._stores[self._prefixes.index(prefix)], place


def _store(prefix: Prefix, connect_seconds: float, seconds: float) -> Any:
    place, options = prefix.place, dict(prefix.options)
    try:
        if place.scheme == "file":
            if options:
                raise ValueError(f"a folder has no option {next(iter(options))!r}")
            return LocalStore()
        plain = options.get("endpoint", "").startswith("http://")
        return from_url(
            f"{place.scheme}://{place.root}",
            config=options,
            client_options={
                "connect_timeout": timedelta(seconds=connect_seconds),
                "timeout": timedelta(seconds=seconds),
                "allow_http": plain,
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=seconds)},
        )
    except (BaseError, ValueError) as error:
        told = str(error).partition("\n")[0]
        raise StartupError(f"STORAGE_ALLOW cannot open {place.url}: {told}") from error


async def _chunks(found: Any, place: Place) -> AsyncIterator[bytes]:
    with _translated(place):
        async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)


@contextmanager
def _translated(place: Place) -> Iterator[None]:
    """The service's errors in the port's words, without what it said: that may be long, and hold a key."""
    where = f"{place.scheme}://{place.root}"
    try:
        yield
    except FileNotFoundError as error:
        raise KeyError(place.key) from error
    except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
        raise PermissionError(f"{where} does not allow it") from error
    except BaseError as error:
        raise OSError(f"{where} cannot answer ({type(error).__name__})") from error
    except ValueError as error:
        raise EgressRefused(f"{where} takes no such name") from error


def _sync(file: Path) -> None:
    """A file of our own making is durable when we say that it is there, as in the storage."""
    for path in (file, file.parent):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
