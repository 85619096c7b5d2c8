"""What a caller can do with jobs."""

import time
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from pixelflow.control.admission import Admission
from pixelflow.control.assets import Assets
from pixelflow.control.delivery import Deliverer
from pixelflow.control.fetching import Fetcher
from pixelflow.control.foresight import NO_PICTURE, Foresight
from pixelflow.control.idempotency import RunningKeys
from pixelflow.control.intake import Inspected, IntakeLimits
from pixelflow.control.order import Bounds, Order
from pixelflow.control.sides import sides
from pixelflow.control.storing import store_picture
from pixelflow.domain.breaker import Circuits
from pixelflow.domain.errors import Busy, EgressRefused, StateConflict, UnknownId
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import RETRYABLE, Job, JobState, Remote, Source, new_id
from pixelflow.domain.keep import NOTHING, SETTINGS, Keep, when
from pixelflow.domain.keys import input_key
from pixelflow.operations.references import urls_in
from pixelflow.ports.events import EventHub
from pixelflow.ports.queue import Queue
from pixelflow.ports.storage import Storage
from pixelflow.ports.store import Created, IdempotencyKey, JobFilter, JobStore, Page

log = structlog.get_logger()

SLICE_SECONDS = 5.0
"""Longest sleep of a waiting caller before it looks whether the server is stopping."""
START_TRIES = 10
"""How often an upload may replace the picture between the look at the job and its start."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A picture that is stored for a job which is not yet in the book."""

    job_id: str
    source: Source
    sides: tuple[int, int] | None = None
    """In pixels, as its first bytes tell."""


@dataclass(frozen=True)
class Jobs:
    """Create, upload, start, wait, cancel, retry, delete; every method is for one tenant."""

    store: JobStore
    storage: Storage
    queue: Queue
    hub: EventHub
    assets: Assets
    admission: Admission
    intake: IntakeLimits
    fetcher: Fetcher
    deliverer: Deliverer
    foresight: Foresight
    clock: Callable[[], float] = time.time
    stopping: Callable[[], bool] = lambda: False
    """Whether the server is going down; waiting callers are then answered with what there is."""
    circuits: Circuits = field(default_factory=lambda: Circuits(time.monotonic))
    """While the storage's is open, no picture is taken."""
    expect: Callable[[float | None], None] = lambda at: None
    """Told when a job may be claimed, in Unix seconds."""
    keeping: Callable[[str], Keep] = lambda tenant: NOTHING
    """For how long a tenant may have things kept."""
    running: RunningKeys = field(default_factory=RunningKeys)
    bounds: Bounds = field(default_factory=Bounds)
    """What an order may ask for on this server."""
    check_webhook: Callable[[str], Awaitable[None]] | None = None
    """Raises EgressRefused for a webhook_url that is not sent to."""

    async def arrive(
        self, tenant: str, kind: str, chunks: AsyncIterable[bytes], intake: IntakeLimits | None = None
    ) -> Arrived:
        """Store a picture as it streams in; raises UnsupportedImage, TooLarge, Busy; keeps nothing then."""
        await self.admission.check(tenant)
        job_id = new_id()
        return await self._stored(tenant, job_id, kind, chunks, intake or self.intake)

    async def forget(self, arrived: Arrived) -> None:
        """The picture of a request that came to nothing goes."""
        if arrived.source.key:
            await self.storage.delete([arrived.source.key])

    async def submit(
        self, tenant: str, order: Order, arrived: Arrived, idempotency: IdempotencyKey | None
    ) -> Created:
        """Queue a job whose picture has arrived; raises InvalidRequest, and the caller forgets then."""
        job = self._new(tenant, arrived.job_id, order, JobState.QUEUED, arrived.source, arrived.sides)
        created = await self._create(job, order, idempotency)
        if created.replayed:
            await self.forget(arrived)
        else:
            self.hub.publish(Event.of(created.job), created.job)
            await self._queued(created.job)
        return created

    async def order_fetch(
        self, tenant: str, order: Order, remote: Remote, idempotency: IdempotencyKey | None
    ) -> Created:
        """Queue a job whose picture a worker fetches; raises EgressRefused for a URL that would be refused
        now."""
        await self.fetcher.check(tenant, remote)
        await self.admission.check(tenant)
        job = replace(self._new(tenant, new_id(), order, JobState.QUEUED, Source("url")), remote=remote)
        created = await self._create(job, order, idempotency)
        if not created.replayed:
            self.hub.publish(Event.of(created.job), created.job)
            await self._queued(created.job)
        return created

    async def create(
        self, tenant: str, order: Order, kind: str, idempotency: IdempotencyKey | None
    ) -> Created:
        """A job that waits for its upload."""
        await self.admission.check(tenant)
        job = self._new(tenant, new_id(), order, JobState.AWAITING_UPLOAD, Source(kind))
        created = await self._create(job, order, idempotency)
        if not created.replayed:
            self.hub.publish(Event.of(created.job), created.job)
        return created

    async def upload(self, tenant: str, job_id: str, chunks: AsyncIterable[bytes]) -> Source:
        """Keep the picture of a job that waits for one, in place of an earlier one."""
        job = await self.get(tenant, job_id)
        if job.state is not JobState.AWAITING_UPLOAD:
            raise _conflict(job, "an upload is taken only before the start")
        await self.admission.check(tenant)
        arrived = await self._stored(tenant, job_id, job.source.kind, chunks, self.intake)
        source = arrived.source
        assert source.key is not None
        try:
            foreseen = self.foresight.foresee(job.pipeline, source.format, source.bytes, arrived.sides)
            former = await self.store.attach(tenant, job_id, source, foreseen)
        except Exception as error:  # one that is broken off may have put it in the book
            await self.storage.delete([source.key])
            if isinstance(error, Busy):
                raise await self.admission.refused(tenant, error) from None
            raise
        if former is None:
            await self.storage.delete([source.key])
            raise _conflict(await self.get(tenant, job_id), "an upload is taken only before the start")
        if former.key:
            await self.storage.delete([former.key])
        return source

    async def start(self, tenant: str, job_id: str) -> Job:
        """Queue a job whose picture is uploaded; where it runs or is completed already, nothing changes."""
        job = await self.get(tenant, job_id)
        for _ in range(START_TRIES):
            if job.state is not JobState.AWAITING_UPLOAD:
                break
            if job.source.key is None:
                raise _conflict(job, "its picture has not been uploaded yet", code="upload_missing")
            try:
                started = await self.store.start(tenant, job_id, job.source)
            except Busy as error:
                raise await self.admission.refused(tenant, error) from None
            if started is not None:
                self.hub.publish(Event.of(started), started)
                await self._queued(started)
                return started
            job = await self.get(tenant, job_id)
        if job.state in RETRYABLE:
            raise _conflict(job, "it has ended; retry queues it again")
        return job

    async def get(self, tenant: str, job_id: str) -> Job:
        """Raises UnknownId."""
        job = await self.store.get(tenant, job_id)
        if job is None:
            raise _unknown(job_id)
        return job

    async def wait(self, tenant: str, job_id: str, seconds: float) -> Job:
        """The job as soon as it has ended, or as it is then; raises UnknownId, also once it is deleted."""
        if seconds <= 0:
            return await self.get(tenant, job_id)
        with self.hub.subscribe(tenant, job_id) as subscription:
            job = await self.get(tenant, job_id)
            deadline = time.monotonic() + seconds
            while not job.terminal and not self.stopping():
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                news = await subscription.get(min(left, SLICE_SECONDS))
                if news is None:
                    job = await self.get(tenant, job_id)
                elif news[0].kind is EventKind.DELETED:
                    raise _unknown(job_id)
                elif news[0].kind is not EventKind.PROGRESS:
                    job = news[1]
        return job

    async def list(self, tenant: str, where: JobFilter, limit: int, cursor: str | None) -> Page[Job]:
        """Newest first; raises MalformedRequest for a cursor that is not ours."""
        return await self.store.list_jobs(tenant, where, limit, cursor)

    async def cancel(self, tenant: str, job_id: str) -> Job:
        """Stop a job; one that is cancelled stays so. Raises StateConflict for one that ended otherwise."""
        before = await self.get(tenant, job_id)
        job = await self.store.cancel(tenant, job_id)
        if job is None:
            raise _unknown(job_id)
        if job.state is not JobState.CANCELLED:
            raise _conflict(job, "it has ended already")
        if before.state is not JobState.CANCELLED:
            self.admission.forget(tenant)
            self.hub.publish(Event.of(job), job)
        return job

    async def retry(self, tenant: str, job_id: str) -> Job:
        """Queue a job again that failed, was cancelled or is in quarantine."""
        job = await self.get(tenant, job_id)
        if job.state not in RETRYABLE:
            raise _conflict(job, "only a failed, cancelled or quarantined job can be retried")
        if job.remote is None and job.gone and job.gone.source:
            raise _conflict(job, source_gone(job.gone.source), code="source_gone", setting=SETTINGS["source"])
        if job.source.key is None and job.remote is None:
            raise _conflict(job, "it never had a picture", code="upload_missing")
        try:
            again = await self.store.retry(tenant, job_id)
        except Busy as error:
            raise await self.admission.refused(tenant, error) from None
        if again is None:
            raise _conflict(await self.get(tenant, job_id), "its state has just changed")
        self.hub.publish(Event.of(again), again)
        await self.ring()
        return again

    async def hold(self, tenant: str, job_id: str, actor: str, *, held: bool) -> Job:
        """Keep the job from being deleted, or no longer; raises UnknownId."""
        job = await self.store.hold(tenant, job_id, actor, held=held)
        if job is None:
            raise _unknown(job_id)
        return job

    async def delete(self, tenant: str, job_id: str, actor: str) -> None:
        """The row goes first, then its files, so that no row ever names a file that is gone.

        Raises UnknownId, and StateConflict (code ``held``) for a job that is held.
        """
        job = await self.store.delete(tenant, job_id, actor)
        if job is None:
            held = await self.get(tenant, job_id)
            raise _conflict(held, "it is held; DELETE its hold first", code="held")
        self.admission.forget(tenant)
        self.hub.publish(Event.deleted(job), job)
        await self.storage.delete(job.keys)

    async def _stored(
        self, tenant: str, job_id: str, kind: str, chunks: AsyncIterable[bytes], intake: IntakeLimits
    ) -> Arrived:
        inspected = Inspected(chunks, intake)
        stored = await store_picture(self.storage, self.circuits, input_key(tenant, job_id), inspected)
        source = Source(kind, stored.key, stored.bytes, stored.sha256, inspected.format)
        return Arrived(job_id, source, sides(inspected.format, inspected.head))

    def _new(
        self,
        tenant: str,
        job_id: str,
        order: Order,
        state: JobState,
        source: Source,
        picture: tuple[int, int] | None = None,
    ) -> Job:
        now = self.clock()
        self.bounds.check(order, now)
        most = self.keeping(tenant)
        keep = most if order.keep is None else order.keep.within(most)
        foreseen = NO_PICTURE
        if state is JobState.QUEUED:
            foreseen = self.foresight.foresee(order.pipeline.raw, source.format, source.bytes, picture)
        return Job(
            tenant=tenant,
            id=job_id,
            state=state,
            pipeline=order.pipeline.raw,
            source=source,
            created_at=now,
            updated_at=now,
            queued_at=now if state is JobState.QUEUED else None,
            priority=order.priority,
            metadata=order.metadata,
            webhook_url=order.webhook_url,
            expires_at=None if order.expires_in is None else now + order.expires_in,
            keep=None if keep == NOTHING else keep,
            template=order.template,
            target=order.target,
            cost=foreseen.cpu_seconds,
            pixels=foreseen.pixels,
            replay_of=order.replay_of,
            scheduled_at=order.scheduled_at,
            not_before=order.scheduled_at if order.scheduled_at and order.scheduled_at > now else None,
            deadline_seconds=order.deadline_seconds,
        )

    async def draft(self, tenant: str, order: Order) -> Job:
        """A job as one of this order would be, for others to be made like it; raises InvalidRequest."""
        job = self._new(tenant, new_id(), order, JobState.QUEUED, Source("url"))
        await self._require(job, order)
        return job

    async def _require(self, job: Job, order: Order) -> None:
        if order.pipeline.needs:
            await self.assets.require(job.tenant, order.pipeline)
            for url in sorted(urls_in(order.pipeline.needs)):
                await self.fetcher.check(job.tenant, Remote(url), "pipeline")
        if order.target is not None:
            await self.deliverer.check(job.tenant, order.target)
        if order.webhook_url is not None and self.check_webhook is not None:
            try:
                await self.check_webhook(order.webhook_url)
            except EgressRefused as error:
                raise error.of("webhook_url") from error

    async def _create(self, job: Job, order: Order, idempotency: IdempotencyKey | None) -> Created:
        await self._require(job, order)
        try:
            created = await self.store.create(job, idempotency)
        except Busy as error:
            raise await self.admission.refused(job.tenant, error) from None
        log.info(
            "job accepted", job=created.job.id, tenant=job.tenant, state=job.state, replayed=created.replayed
        )
        return created

    async def _queued(self, job: Job) -> None:
        if job.not_before is None:
            await self.ring()
        else:
            self.expect(job.not_before)

    async def ring(self, count: int = 1) -> None:
        """Say that there is work: the job is in the book, so that a ring which fails is the keeper's to
        repeat."""
        with suppress(OSError):
            await self.queue.ring(count)


def _unknown(job_id: str) -> UnknownId:
    return UnknownId("there is no such job", job_id=job_id)


def source_gone(at: float) -> str:
    """Why a job cannot run any more."""
    return f"its picture was kept until {when(at)} and is gone"


def _conflict(job: Job, why: str, code: str = "state_conflict", **extra: Any) -> StateConflict:
    return StateConflict(f"job {job.id} is {job.state}: {why}", code=code, state=job.state.value, **extra)
