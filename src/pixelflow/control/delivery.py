"""Outputs that are sent to other machines before their job completes."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from pixelflow.control.hosts import PASSING, Hosts, Later, NotNow, StillAway
from pixelflow.control.remote import DEFAULT_NAMING, expanded
from pixelflow.control.transfers import OursFailed, Transfers
from pixelflow.domain.errors import (
    EgressRefused,
    PixelFlowError,
    RemoteLeftAlone,
    RemoteUnavailable,
    TransferFailed,
)
from pixelflow.domain.job import Job, Output, Target
from pixelflow.domain.media import extension
from pixelflow.domain.urls import WEB, host_of, scheme_of, shown
from pixelflow.ports.buckets import Buckets
from pixelflow.ports.egress import Egress
from pixelflow.ports.storage import Storage

ANSWER_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Sends each output, in ``seconds`` at the most, up to ``tries`` times within an attempt.

    Sent again, an output takes the place of the one before, so that a receiver never has two.
    """

    egress: Egress
    buckets: Buckets
    storage: Storage
    transfers: Transfers
    seconds: float
    attempts: int
    """After so many faults of a job that its target is out of reach is final."""
    tries: int = 3
    pause_seconds: float = 0.5
    """Mean pause before the second try, doubled for each further one."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    hosts: Hosts = field(default_factory=Hosts)

    async def check(self, tenant: str, target: Target) -> None:
        """Raises EgressRefused for a target that would be refused now."""
        url = _url(target, "job", "step", "ext")
        try:
            if scheme_of(url) in WEB:
                await self.egress.check(url)
            else:
                self.buckets.check(tenant, url, "write")
        except EgressRefused as error:
            raise error.of("store.url") from error

    def enter(self, job: Job) -> None:
        """Before any work is done for it; raises RemoteLeftAlone, and RemoteUnavailable and TransferFailed
        once the job has waited for its target too long."""
        assert job.target is not None
        try:
            self.hosts.enter(job, _url(job.target, job.id, "step", "ext"))
        except StillAway as error:
            raise self._out_of_reach(job, error) from error

    async def deliver(self, job: Job, outputs: Sequence[Output]) -> Sequence[Output]:
        """All outputs, each with where it was sent; raises TransferFailed when trying again would not help,
        RemoteUnavailable when it may, OSError when the storage fails."""
        assert job.target is not None
        return [await self._sent(job, job.target, output) for output in outputs]

    async def _sent(self, job: Job, target: Target, output: Output) -> Output:
        url = _url(target, job.id, output.id, extension(output.format))
        host, number = host_of(url), 1
        while True:
            try:
                self.hosts.enter(job, url)
                async with self.transfers.to(host):
                    with self.hosts.called(job, url):
                        await self._send(job.tenant, url, target, output)
                return replace(output, delivered=shown(url))
            except EgressRefused as error:
                raise _refused(output, error.detail) from error
            except OursFailed as error:
                raise error.cause from error
            except PermissionError as error:
                raise _refused(output, f"{host} does not allow it") from error
            except RemoteLeftAlone as error:
                if number == 1:
                    raise
                away = StillAway(error.detail, error.extra["wait_seconds"])
                raise self._out_of_reach(job, away, output.id) from error
            except OSError as error:
                if number >= self.tries or isinstance(error, StillAway):
                    raise self._out_of_reach(job, error, output.id) from error
            await self.sleep(self.pause_seconds * 2**number * random.random())  # noqa: S311 - no secret
            number += 1

    def _out_of_reach(self, job: Job, error: OSError, step: str | None = None) -> PixelFlowError:
        if job.faults + 1 < self.attempts:
            pause = error.retry_after if isinstance(error, Later) else 0
            return RemoteUnavailable(f"an output cannot be sent now: {error}", retry_after=pause)
        text = f"the output could not be sent in {self.attempts} attempts: {error}"
        return TransferFailed("delivery_unreachable", text, step=step)

    async def _send(self, tenant: str, url: str, target: Target, output: Output) -> None:
        chunks = _ours(self.storage.read(output.key))
        if scheme_of(url) not in WEB:
            try:
                async with asyncio.timeout(self.seconds):
                    await self.buckets.write(tenant, url, chunks, output.bytes, output.media_type)
            except KeyError as error:
                raise _refused(output, f"{host_of(url)} is not there") from error
            return
        given = {name.lower(): value for name, value in target.headers.items()}
        headers = {"content-type": output.media_type, **given, "content-length": str(output.bytes)}
        answer = await self.egress.send(
            "PUT", url, headers, chunks, timeout_seconds=self.seconds, max_answer_bytes=ANSWER_BYTES
        )
        told = f"{host_of(url)} answers {answer.status}"
        if answer.status in PASSING:
            raise NotNow(told)
        if answer.status >= 500:
            raise ConnectionError(told)
        if not 200 <= answer.status < 300:
            raise _refused(output, told)


async def _ours(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            yield chunk
    except OSError as error:
        raise OursFailed(error) from error
    except KeyError as error:
        raise OursFailed(FileNotFoundError("an output is no longer in the storage")) from error


def _url(target: Target, job_id: str, step: str, extension: str) -> str:
    if scheme_of(target.url) in WEB:
        return expanded(target.url, job_id, step, extension)
    name = expanded(target.naming or DEFAULT_NAMING, job_id, step, extension)
    return f"{expanded(target.url, job_id, step, extension).rstrip('/')}/{name}"


def _refused(output: Output, why: str) -> TransferFailed:
    return TransferFailed("delivery_refused", f"the output was not sent: {why}", step=output.id)
