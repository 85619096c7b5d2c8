"""What a job was made of and with, and the same once more."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pixelflow.control.jobs import Arrived, Jobs, source_gone
from pixelflow.control.order import Order
from pixelflow.domain.errors import StateConflict
from pixelflow.domain.job import Job, new_id
from pixelflow.domain.keep import SETTINGS
from pixelflow.domain.keys import input_key
from pixelflow.domain.manifest import Comparison, Manifest, differences, pairs, pipeline_sha256
from pixelflow.operations.pipeline import parse
from pixelflow.ports.software import SoftwareStore
from pixelflow.ports.store import Created, IdempotencyKey

SOON_SECONDS = 1


@dataclass(frozen=True)
class Provenance:
    """Manifests, replays and their comparison; every method is for one tenant."""

    jobs: Jobs
    software: SoftwareStore

    async def manifest(self, tenant: str, job_id: str) -> Manifest:
        """Raises UnknownId, and StateConflict until the job has ended."""
        return await self._manifest(_ended(await self.jobs.get(tenant, job_id)))

    async def replay(
        self, tenant: str, job_id: str, promise: Callable[[], IdempotencyKey | None] = lambda: None
    ) -> Created:
        """Queue the same pipeline on a copy of the same picture, past the step cache; nobody is told but who
        asks, and nothing is sent anywhere. Raises UnknownId, StateConflict without the picture, Busy."""
        job = _ended(await self.jobs.get(tenant, job_id))
        if job.source.key is None:
            raise _lost(job)
        await self.jobs.admission.check()
        order = Order(parse(job.pipeline), job.priority, keep=job.keep, template=job.template)
        copy = await self._copy(job)
        try:
            return await self.jobs.submit(tenant, replace(order, replay_of=job.id), copy, promise())
        except Exception:  # one that is broken off may have put the job in the book
            await self.jobs.forget(copy)
            raise

    async def comparison(self, tenant: str, job_id: str) -> Comparison:
        """Of a replay with what it replays; raises UnknownId when either is gone, and StateConflict for one
        that has not ended, or replays nothing."""
        replayed = _ended(await self.jobs.get(tenant, job_id))
        if replayed.replay_of is None:
            raise _conflict(replayed, "it replays no other job", "no_replay")
        original = await self.jobs.get(tenant, replayed.replay_of)
        before, after = await self._manifest(original), await self._manifest(replayed)
        changed = {
            **differences(before.software.get("versions", {}), after.software.get("versions", {})),
            **differences(before.software.get("limits", {}), after.software.get("limits", {})),
        }
        return Comparison(original, replayed, pairs(original, replayed), changed)

    async def _manifest(self, job: Job) -> Manifest:
        kept: Any = job.manifest or {}
        digest = kept.get("software")
        facts = await self.software.facts(digest) if digest else None
        return Manifest(job, pipeline_sha256(job.pipeline), digest, kept.get("seconds", {}), facts or {})

    async def _copy(self, job: Job) -> Arrived:
        assert job.source.key is not None
        copy_id = new_id()
        storage = self.jobs.storage
        try:
            staged = await storage.stage_copy(job.source.key, input_key(job.tenant, copy_id))
        except KeyError:
            raise _lost(await self.jobs.get(job.tenant, job.id)) from None
        (stored,) = await storage.commit([staged])
        sides = (job.source.width, job.source.height) if job.source.width and job.source.height else None
        return Arrived(copy_id, replace(job.source, key=stored.key), sides)


def _ended(job: Job) -> Job:
    if not job.terminal:
        raise _conflict(job, "it has not ended", "not_ended", retry_after=SOON_SECONDS)
    return job


def _lost(job: Job) -> StateConflict:
    if job.gone and job.gone.source:
        return _conflict(job, source_gone(job.gone.source), "source_gone", setting=SETTINGS["source"])
    return _conflict(job, "its picture is not there", "source_gone")


def _conflict(job: Job, why: str, code: str, **extra: Any) -> StateConflict:
    return StateConflict(f"job {job.id} is {job.state}: {why}", code=code, state=job.state.value, **extra)
