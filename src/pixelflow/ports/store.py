"""The book: every fact about a job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from pixelflow.domain.asset import JOB, Asset
from pixelflow.domain.audit import KEEPER
from pixelflow.domain.event import Event
from pixelflow.domain.job import Claim, Completion, Failure, Header, Job, JobState, Output, Source
from pixelflow.domain.tenant import Foreseen

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's promise that a request with this key is the same request; ``fingerprint`` tells whether it
    is.

    Whatever a store creates takes one: ``create(thing, idempotency)`` answers what the key made before.
    """

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Created:
    """The stored job; ``replayed`` when the key had already made it."""

    job: Job
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page, newest first; ``cursor`` asks for the next, ``None`` at the end."""

    items: Sequence[T]
    cursor: str | None


MAX_METADATA_FILTERS = 3
"""Keys of metadata in one filter."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which of a tenant's jobs: those that every filter lets pass.

    ``created_after`` and ``created_before`` in Unix seconds, ``template`` is ``thumb@3``, or ``thumb`` for
    all its versions, ``metadata`` has at most MAX_METADATA_FILTERS keys on top with their values as text.
    """

    state: JobState | None = None
    created_after: float | None = None
    template: str | None = None
    batch_id: str | None = None
    created_before: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recalled:
    """An output of a completed job, and that job's source as it was found."""

    output: Output
    source: Source


@dataclass(frozen=True, slots=True)
class Woken:
    """How many jobs can be claimed now that could not before, and in how many seconds the next one can."""

    jobs: int
    next_seconds: float | None


@dataclass(frozen=True, slots=True)
class Depth:
    """The queue at one moment: jobs by state, and the age of the oldest queued one in seconds."""

    by_state: dict[JobState, int]
    oldest_queued_seconds: float


@dataclass(frozen=True, slots=True)
class Swept:
    """An ended job of which something is kept no longer, as it is now, or was when it was ``deleted``;
    ``parts`` are those that went, ``keys`` and ``bytes`` of the files that no row names any more."""

    job: Job
    parts: Sequence[str]
    keys: Sequence[str]
    bytes: int
    deleted: bool = False


class JobStore(Protocol):
    """Jobs, their events and assets; every method is one atomic, durable transaction.

    A write that must match a state or a claim and does not match changes nothing and returns ``None`` (or
    leaves the claim out of its answer): the caller lost a race, and stops. Every state change appends its
    event in the same transaction. Time is the store's own clock. StoreUnavailable means that nothing of the
    call was kept. ``create``, ``attach``, ``start`` and ``retry`` raise Busy over a limit of the tenant's.
    """

    async def create(self, job: Job, idempotency: IdempotencyKey | None = None) -> Created:
        """Insert a job as ``awaiting_upload`` or ``queued`` with its first event; raises InvalidRequest
        (code ``idempotency_mismatch``) when the key was used for another request within 24 h, ValueError
        for an id that exists."""

    async def get(self, tenant: str, job_id: str) -> Job | None: ...

    async def list_jobs(self, tenant: str, where: JobFilter, limit: int, cursor: str | None) -> Page[Job]:
        """Newest first; raises MalformedRequest for a cursor that is not ours."""

    async def count_jobs(self, tenant: str, where: JobFilter) -> int:
        """How many there are now."""

    async def attach(
        self, tenant: str, job_id: str, source: Source, foreseen: Foreseen | None = None
    ) -> Source | None:
        """Keep the uploaded source of a job that stays awaiting_upload; answers the source that it
        replaces."""

    async def start(self, tenant: str, job_id: str, source: Source) -> Job | None:
        """awaiting_upload → queued, unless another source was attached than this one."""

    async def claim(self, owner: str, lease_seconds: float, limit: int = 1) -> Sequence[Job]:
        """queued → processing for up to ``limit`` of the best jobs: priority, then the tenant with the
        least in flight, then age; raises each one's ``attempt``."""

    async def renew(self, claims: Mapping[Claim, int], lease_seconds: float) -> Sequence[Claim]:
        """Extend the leases that are still held, note each one's progress in percent, and answer those;
        a missing one was cancelled, deleted or rescued."""

    async def fetched(self, claim: Claim, source: Source) -> Job | None:
        """Note the source that a running attempt has fetched, for all later ones too; raises Busy where its
        bytes are over a quota of the tenant's."""

    async def referred(self, claim: Claim, size: int) -> bool:
        """Charge the bytes of the pictures that a running attempt has fetched for its steps, as far as no
        earlier attempt was charged as many; whether the claim is held. Raises Busy as ``fetched``."""

    async def announce(self, claim: Claim, outputs: Sequence[Output]) -> Job | None:
        """Note the outputs that a running attempt has so far, all of them; those without a ``ready_at`` get
        it, and an event each. They go from the record unless the attempt finishes with them."""

    async def finish(self, claim: Claim, completion: Completion) -> Job | None:
        """processing → completed, or failed when the completion carries a failure; with all outputs, which
        ``recall`` finds by the completion's keys for as long as the job is there."""

    async def recall(self, tenant: str, keys: Sequence[bytes]) -> Mapping[bytes, Recalled]:
        """What jobs of the tenant were completed with under these keys, of each the newest job's."""

    async def crashed(self, claim: Claim, failure: Failure, found: Header | None = None) -> Job | None:
        """processing → queued with one crash more, or → quarantined at ``MAX_CRASHES``; ``found`` is kept
        with the source."""

    async def fault(self, claim: Claim, failure: Failure, wait_seconds: float | None) -> Job | None:
        """processing → queued with one fault more, not to be claimed before ``wait_seconds`` are over; with
        ``None`` of them → failed."""

    async def wake(self, limit: int) -> Woken:
        """Queued jobs whose ``not_before`` has passed can be claimed; those that were scheduled wait since
        then."""

    async def release(self, claims: Sequence[Claim], wait_seconds: float | None = None) -> Sequence[Job]:
        """processing → queued without penalty, as at a drain; not to be claimed before ``wait_seconds`` are
        over."""

    async def cancel(self, tenant: str, job_id: str) -> Job | None:
        """awaiting_upload, queued or processing → cancelled; answers the job as it is now, changed or not;
        ``None`` if unknown."""

    async def retry(self, tenant: str, job_id: str) -> Job | None:
        """failed, cancelled or quarantined → queued, its counters, outputs and error cleared; only with its
        source."""

    async def delete(self, tenant: str, job_id: str, actor: str = KEEPER) -> Job | None:
        """Remove the job and all that belongs to it, and answer what it was, so that its files can follow;
        the audit log names the ``actor``."""

    async def hold(self, tenant: str, job_id: str, actor: str, *, held: bool) -> Job | None:
        """Keep the job from being deleted, by a call or because it expired, or no longer; answers the job as
        it is then, ``None`` if unknown."""

    async def rescue(self, limit: int) -> Sequence[Job]:
        """processing with an expired lease → queued with one loss more, or → quarantined at
        ``MAX_LOSSES``."""

    async def expire_uploads(self, older_than_seconds: float, limit: int) -> Sequence[Job]:
        """awaiting_upload for too long → failed (``upload_expired``)."""

    async def sweep(self, limit: int) -> Sequence[Swept]:
        """Take from the rows of up to ``limit`` ended jobs, those on hold left aside, what is kept no longer:
        source, outputs, or the whole record; the files can follow."""

    async def due(self, limit: int) -> Sequence[Job]:
        """Those that the next ``sweep`` would find, as they are."""

    async def events(self, tenant: str, job_id: str | None, after: int, limit: int) -> Sequence[Event]:
        """A tenant's (or one job's) stored events with a sequence above ``after``, in order."""

    async def depth(self) -> Depth: ...

    async def known_keys(self, keys: Sequence[str]) -> set[str]:
        """Those of the storage keys that a job's source, an output or an asset still names, or that are
        outputs of the attempt that runs now: its end may take long to come, and will name them."""

    async def put_asset(self, asset: Asset, idempotency: IdempotencyKey | None = None) -> Asset:
        """Insert, or answer the one with the same id; raises InvalidRequest (code ``idempotency_mismatch``)
        when the key was used for another request within 24 h."""

    async def get_asset(self, tenant: str, asset_id: str) -> Asset | None: ...

    async def list_assets(self, tenant: str, limit: int, cursor: str | None) -> Page[Asset]: ...

    async def delete_asset(self, tenant: str, asset_id: str, actor: str = KEEPER) -> Asset | None: ...

    async def check(self) -> None:
        """One cheap round trip that raises if the store cannot answer."""

    async def close(self) -> None: ...


async def picture_key(store: JobStore, tenant: str, reference: str) -> str | None:
    """Where the picture of an asset or of an earlier job lies in the storage; ``None`` if it is not there."""
    if reference.startswith(JOB):
        job = await store.get(tenant, reference.removeprefix(JOB))
        return job.source.key if job else None
    asset = await store.get_asset(tenant, reference)
    return asset.key if asset else None
