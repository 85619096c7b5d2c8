"""What becomes of an attempt that did not come to its end: a failure, a fault or a crash."""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from pixelflow.domain.backoff import Backoff
from pixelflow.domain.breaker import Circuits
from pixelflow.domain.errors import (
    Busy,
    PixelFlowError,
    RemoteLeftAlone,
    RemoteUnavailable,
    RequestError,
    StoreUnavailable,
)
from pixelflow.domain.job import MAX_CRASHES, Claim, Completion, Failure, Header, Job
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging.plan import checked
from pixelflow.imaging.prediction import predict
from pixelflow.ports.storage import Storage
from pixelflow.ports.store import JobStore
from pixelflow.worker.lease import Lease
from pixelflow.worker.pool import Pool
from pixelflow.worker.probe import probe
from pixelflow.worker.running import Died

log = structlog.get_logger()

PROBE_SECONDS = 10.0
"""How long the header of a picture that goes into quarantine may take to read."""


@dataclass(frozen=True)
class Setbacks:
    """Judges them and writes them down, and tells the circuits what the services did."""

    store: JobStore
    storage: Storage
    pool: Pool
    limits: ImageLimits
    circuits: Circuits = field(default_factory=lambda: Circuits(time.monotonic))
    backoff: Backoff = field(default_factory=Backoff)
    again_seconds: float = 1.0
    """Pause before a fault that could not be written down is tried again."""
    expect: Callable[[float | None], None] = lambda at: None
    """Told when a job may be claimed again, in Unix seconds."""
    chance: Callable[[], float] = random.random

    async def broken(self, job: Job, claim: Claim, lease: Lease, error: Exception) -> Job | None:
        """An attempt that ended in OSError or PixelFlowError: what the caller could mend fails the job, all
        else is a fault, after which it is tried again, later each time."""
        self._failed(error)
        if isinstance(error, RequestError) and not isinstance(error, Busy):
            return await self._written(lease, lambda: self._fail(claim, "invalid", error.detail))
        if isinstance(error, RemoteLeftAlone):
            return await self._put_off(job, claim, lease, error)
        faults = job.faults + 1
        wait = self.backoff.pause(faults, self.chance())
        if wait is not None and isinstance(error, RemoteUnavailable):
            asked = min(self.backoff.longest_seconds, error.extra.get("retry_after", 0))
            wait = max(wait, asked)
        failure = Failure("unavailable", f"{_words(error)}; it was tried {faults} times")
        log.warning("attempt put off", job=job.id, error=str(error), faults=faults, wait_seconds=wait)
        ended = await self._written(lease, lambda: self.store.fault(claim, failure, wait))
        if ended is not None:
            self.expect(ended.not_before)
        return ended

    async def _put_off(self, job: Job, claim: Claim, lease: Lease, error: RemoteLeftAlone) -> Job | None:
        wait: float = error.extra["wait_seconds"]
        log.info("attempt put off", job=job.id, error=str(error), wait_seconds=wait)

        async def released() -> Job | None:
            found = await self.store.release([claim], wait)
            return found[0] if found else None

        ended = await self._written(lease, released)
        if ended is not None:
            self.expect(ended.not_before)
        return ended

    async def crashed(self, job: Job, claim: Claim, died: Died) -> Job | None:
        """A dead decoder; before a job goes into quarantine its picture's header is read, to be kept."""
        found = await self._header(job) if job.crashes + 1 >= MAX_CRASHES else None
        words = died.detail
        if found is not None:
            cost = "" if found.cost is None else f", predicted to take {found.cost:.2g} CPU seconds"
            words = f"{words}; the picture is {found.format}, {found.width} × {found.height} pixels{cost}"
        return await self.store.crashed(claim, Failure(died.kind, words), found)

    def _failed(self, error: Exception) -> None:
        now = self.circuits.clock()
        if isinstance(error, StoreUnavailable):
            self.circuits.store.failed(now, error)
        elif isinstance(error, OSError):
            self.circuits.storage.failed(now, error)
        else:
            self.circuits.storage.unused(now)

    async def _fail(self, claim: Claim, code: str, words: str) -> Job | None:
        return await self.store.finish(claim, Completion(failure=Failure(code, words)))

    async def _written(self, lease: Lease, write: Callable[[], Awaitable[Job | None]]) -> Job | None:
        """The write, as soon as the store takes it; ``None`` once the claim is lost."""
        while True:
            try:
                return await write()
            except (OSError, PixelFlowError) as error:
                log.warning("the end of an attempt cannot be written", error=str(error))
                if lease.lost:
                    return None
                await asyncio.sleep(self.again_seconds)

    async def _header(self, job: Job) -> Header | None:
        if job.source.key is None:
            return None
        try:
            file = await self.storage.open(job.source.key)
        except (KeyError, OSError):
            return None
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                origin = await probe(self.pool, file, self.limits)
            prediction = predict(checked([dict(step) for step in job.pipeline]), origin, self.limits)
        except (OSError, PixelFlowError):  # what kills decoders may do so by its header too
            return None
        finally:
            os.close(file)
        known = [each.cpu_seconds for each in prediction.outputs if each.cpu_seconds is not None]
        width, height = origin.outline.most
        return Header(origin.format or "unknown", width, height, sum(known) if known else None)


def _words(error: Exception) -> str:
    """Without the paths that the system's own words hold."""
    if isinstance(error, PixelFlowError):
        return error.detail
    reason = error.strerror if isinstance(error, OSError) else None
    return f"the storage did not answer: {reason or type(error).__name__}"
