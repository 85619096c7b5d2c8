"""Pictures from other machines."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field

from pixelflow.control.hosts import PASSING, Hosts, Later, NotNow
from pixelflow.control.intake import Inspected, IntakeLimits
from pixelflow.control.transfers import OursFailed, Transfers
from pixelflow.domain.asset import JOB
from pixelflow.domain.errors import (
    EgressRefused,
    RemoteUnavailable,
    TooLarge,
    TransferFailed,
    UnsupportedImage,
)
from pixelflow.domain.job import Job, Remote, Source
from pixelflow.domain.keys import input_key
from pixelflow.domain.retry_after import asked_seconds
from pixelflow.domain.urls import OURS, WEB, host_of, scheme_of, shown
from pixelflow.ports.buckets import Buckets
from pixelflow.ports.egress import Egress, Fetched
from pixelflow.ports.storage import Storage, Stored
from pixelflow.ports.store import JobStore, picture_key

GONE = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches a job's picture into the storage, in ``seconds`` at the most."""

    egress: Egress
    buckets: Buckets
    storage: Storage
    store: JobStore
    intake: IntakeLimits
    transfers: Transfers
    seconds: float
    tries: int
    """After so many faults of a job that its picture is out of reach is final."""
    clock: Callable[[], float] = time.time
    hosts: Hosts = field(default_factory=Hosts)

    async def check(self, tenant: str, remote: Remote, field: str = "url") -> None:
        """Raises EgressRefused for what would be refused now, with the request's ``field`` that names it."""
        try:
            if scheme_of(remote.url) in WEB:
                await self.egress.check(remote.url)
            elif not remote.url.startswith(tuple(OURS.values())):
                self.buckets.check(tenant, remote.url, "read")
        except EgressRefused as error:
            raise error.of(field) from error

    async def fetch(self, job: Job) -> Source:
        """The picture, stored; raises TransferFailed when trying again would not help, RemoteUnavailable when
        it may, and OSError when the storage fails."""
        assert job.remote is not None
        return await self._fetched(job, job.remote)

    async def fetch_file(self, job: Job, url: str) -> int:
        """A picture that steps refer to, as a descriptor that is the caller's to close; nothing of it stays.

        Raises the same, with ``reference_`` in the code for ``source_``.
        """
        try:
            picture = await self._fetched(job, Remote(url))
        except TransferFailed as error:
            code = error.code.replace("source_", "reference_")
            raise TransferFailed(code, f"{shown(url)}, which steps refer to: {error.detail}") from error
        assert picture.key is not None
        with ExitStack() as opened:
            try:
                file = await self.storage.open(picture.key)
                opened.callback(os.close, file)
            finally:
                await self.storage.delete([picture.key])
            opened.pop_all()  # nothing can go wrong any more: it is the caller's now
            return file

    async def _fetched(self, job: Job, remote: Remote) -> Source:
        host = host_of(remote.url)
        try:
            self.hosts.enter(job, remote.url)
            async with self.transfers.to(host):
                with self.hosts.called(job, remote.url):
                    async with self._opened(job.tenant, remote) as chunks:
                        inspected = Inspected(_theirs(chunks), self.intake)
                        stored = await self._stored(input_key(job.tenant, job.id), inspected)
        except EgressRefused as error:
            raise TransferFailed("source_refused", error.detail) from error
        except UnsupportedImage as error:
            raise TransferFailed("source_unsupported", f"from {host}: {error.detail}") from error
        except TooLarge as error:
            raise self._too_large(host) from error
        except OursFailed as error:
            raise error.cause from error
        except OSError as error:
            if job.faults + 1 < self.tries:
                text = f"the picture cannot be fetched now: {error}"
                pause = error.retry_after if isinstance(error, Later) else 0
                raise RemoteUnavailable(text, retry_after=pause) from error
            text = f"the picture could not be fetched in {self.tries} tries: {error}"
            raise TransferFailed("source_unreachable", text) from error
        if remote.sha256 is not None and stored.sha256 != remote.sha256:
            await self.storage.delete([stored.key])
            text = f"the picture at {host} has the SHA-256 {stored.sha256}, not the one that was given"
            raise TransferFailed("source_sha256", text)
        return Source(job.source.kind, stored.key, stored.bytes, stored.sha256, inspected.format)

    async def _stored(self, key: str, inspected: Inspected) -> Stored:
        try:
            return await self.storage.put(key, inspected)
        except _Theirs:
            raise
        except OSError as error:
            raise OursFailed(error) from error

    @asynccontextmanager
    async def _opened(self, tenant: str, remote: Remote) -> AsyncIterator[AsyncIterator[bytes]]:
        host = host_of(remote.url)
        if scheme_of(remote.url) in WEB:
            async with self.egress.fetch(remote.url, remote.headers, timeout_seconds=self.seconds) as fetched:
                self._judge(host, fetched)
                yield fetched.chunks
            return
        if remote.url.startswith(tuple(OURS.values())):
            yield self._ours(tenant, remote.url)
            return
        try:
            async with asyncio.timeout(self.seconds), self.buckets.read(tenant, remote.url) as chunks:
                yield chunks
        except KeyError as error:
            raise TransferFailed("source_not_found", f"{host} has no such object") from error
        except PermissionError as error:
            text = f"{host} does not let this server read the object"
            raise TransferFailed("source_denied", text) from error

    async def _ours(self, tenant: str, url: str) -> AsyncIterator[bytes]:
        """A picture that the tenant has here already, so that the job has one of its own."""
        reference = url.replace(OURS["job_id"], JOB).removeprefix(OURS["asset_id"])
        try:
            async for chunk in self.storage.read(await picture_key(self.store, tenant, reference) or ""):
                yield chunk
        except KeyError as error:
            raise TransferFailed("source_not_found", f"{url} has no picture any more") from error

    def _judge(self, host: str, fetched: Fetched) -> None:
        status = fetched.status
        if status in GONE:
            raise TransferFailed("source_not_found", f"{host} answers {status}: there is no such picture")
        if status in PASSING or status >= 500:
            pause = asked_seconds(fetched.headers.get("retry-after"), self.clock())
            kind = _Theirs if status >= 500 else NotNow
            raise kind(f"{host} answers {status}", pause or 0)
        if status != 200:
            raise TransferFailed("source_denied", f"{host} answers {status}")
        if fetched.headers.get("content-encoding", "identity") != "identity":
            text = f"{host} sends the picture compressed, which was not asked for"
            raise TransferFailed("source_unsupported", text)
        length = fetched.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self.intake.max_bytes:
            raise self._too_large(host)

    def _too_large(self, host: str) -> TransferFailed:
        text = f"the picture at {host} has more than {self.intake.max_bytes} bytes; MAX_UPLOAD_SIZE sets this"
        return TransferFailed("source_too_large", text)


class _Theirs(Later):
    """The other machine broke off, or failed."""


async def _theirs(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            yield chunk
    except OSError as error:
        raise _Theirs(str(error)) from error
