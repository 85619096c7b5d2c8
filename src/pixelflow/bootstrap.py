"""The one place where ports meet adapters."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pixelflow import __version__
from pixelflow.adapters.buckets import open_buckets
from pixelflow.adapters.egress.http import HttpEgress
from pixelflow.adapters.egress.rules import Rules
from pixelflow.adapters.events import open_hub
from pixelflow.adapters.queue import open_queue
from pixelflow.adapters.storage import open_storage
from pixelflow.adapters.store import open_store
from pixelflow.control.admission import Admission
from pixelflow.control.assets import Assets
from pixelflow.control.batch_sources import Sources
from pixelflow.control.batches import Batches
from pixelflow.control.bulks import Bulks
from pixelflow.control.delivery import Deliverer
from pixelflow.control.dispatcher import Dispatcher
from pixelflow.control.dispatcher import Pace as WebhookPace
from pixelflow.control.feeding import FORGOTTEN, Feeder
from pixelflow.control.fetching import Fetcher
from pixelflow.control.foresight import Foresight
from pixelflow.control.intake import IntakeLimits
from pixelflow.control.inventory import Inventory
from pixelflow.control.jobs import Jobs
from pixelflow.control.keeper import Duty, Keeper, Record
from pixelflow.control.line import Line
from pixelflow.control.order import Bounds
from pixelflow.control.planning import Planner
from pixelflow.control.provenance import Provenance as Manifests
from pixelflow.control.rescue import Rescuer
from pixelflow.control.signing import UrlSigner
from pixelflow.control.sweep import Sweeper
from pixelflow.control.templates import Templates
from pixelflow.control.transfers import Transfers
from pixelflow.control.waking import Waker
from pixelflow.control.webhooks import Webhooks
from pixelflow.domain.breaker import Breaker, Circuit, Circuits
from pixelflow.domain.errors import PixelFlowError
from pixelflow.http.services import Check, HttpOptions, Services
from pixelflow.http.shapes.webhooks import payload
from pixelflow.http.view import moment
from pixelflow.ports.book import Book
from pixelflow.ports.buckets import Buckets
from pixelflow.ports.egress import Egress
from pixelflow.ports.events import EventHub
from pixelflow.ports.queue import Queue
from pixelflow.ports.storage import Storage
from pixelflow.settings import Settings
from pixelflow.telemetry import Metrics, Slots
from pixelflow.worker.cache import StepCache
from pixelflow.worker.pool import Pool
from pixelflow.worker.probe import probe
from pixelflow.worker.provenance import Provenance
from pixelflow.worker.worker import Pace, Worker


@dataclass(frozen=True)
class System:
    """Everything that one process runs, put together."""

    store: Book
    storage: Storage
    queue: Queue
    hub: EventHub
    pool: Pool
    worker: Worker
    keeper: Keeper
    dispatcher: Dispatcher
    services: Services


@dataclass(frozen=True)
class WaysOut:
    """How other machines are called: ``fetching`` by plain http too, ``sending`` by https alone, where
    EGRESS_ALLOW does not say otherwise, and ``buckets`` by what STORAGE_ALLOW opens."""

    fetching: Egress
    sending: Egress
    buckets: Buckets

    async def close(self) -> None:
        """Let go of the connections."""
        await self.fetching.close()
        await self.sending.close()


def open_egress(settings: Settings) -> WaysOut:
    """All of them, by the same settings; raises StartupError for a bucket that cannot be opened."""
    given = settings.egress

    def egress(plain_http: bool) -> Egress:
        return HttpEgress(
            Rules(settings.egress.networks, settings.egress.ports, plain_http),
            given.egress_connect_seconds,
            given.fetch_redirects,
            agent=f"PixelFlow/{__version__}",
        )

    buckets = open_buckets(settings.egress.prefixes, given.egress_connect_seconds, given.fetch_seconds)
    return WaysOut(fetching=egress(True), sending=egress(False), buckets=buckets)


@asynccontextmanager
async def assemble(settings: Settings, stopping: Callable[[], bool]) -> AsyncIterator[System]:
    """Open what the addresses in the settings name, and close it in turn; ``stopping`` says that the
    process goes down.

    Raises StartupError.
    """
    limits = settings.image_limits
    pool = Pool(settings.pool_options, limits, lambda: worker.room.set())
    pool.load()
    try:
        store = await open_store(settings.store.address, time.time, settings.tenant.limits)
    except BaseException:
        await pool.close()
        raise
    try:
        storage = open_storage(settings.storage.address)
        queue = open_queue(settings.queue.queue)
        hub = open_hub("memory://")
        egress = open_egress(settings)
        transfers = Transfers(settings.egress.max_transfers, settings.egress.max_transfers_per_host)
        fetcher = Fetcher(
            egress.fetching,
            egress.buckets,
            storage,
            store,
            IntakeLimits(settings.http.upload_bytes, settings.formats.readable),
            transfers,
            settings.egress.fetch_seconds,
            settings.egress.transfer_tries,
        )
        deliverer = Deliverer(
            egress.sending,
            egress.buckets,
            storage,
            transfers,
            settings.egress.deliver_seconds,
            settings.egress.transfer_tries,
        )
        metrics = Metrics()
        owner = f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"
        dispatcher = _dispatcher(settings, store, egress.sending, metrics, owner)
        policy = settings.retries.breaker
        circuits = Circuits(time.monotonic, Breaker(policy), Breaker(policy))
        waker = Waker(store, queue, time.time)
        worker = Worker(
            owner=owner,
            store=store,
            storage=storage,
            queue=queue,
            hub=hub,
            pool=pool,
            limits=limits,
            pace=Pace(
                settings.worker.lease_seconds,
                settings.worker.heartbeat_seconds,
                settings.keeper.keeper_seconds,
                settings.worker.announce_after_seconds,
            ),
            provenance=Provenance(store.software, limits, lambda: pool.versions),
            cache=StepCache(store, storage, limits, lambda: pool.versions, metrics.recalled)
            if settings.worker.step_cache
            else None,
            fetch=fetcher.fetch,
            fetch_file=fetcher.fetch_file,
            deliver=deliverer.deliver,
            observe=metrics.phase,
            ended=metrics.ended,
            backoff=settings.retries.backoff,
            circuits=circuits,
            expect=waker.expect,
        )
        hungry = asyncio.Event()
        store.batches.on_news(hungry.set)
        pace = settings.keeper

        def feeder() -> Feeder:
            return Feeder(store.batches, services.jobs, pace.record_ttl_seconds)

        batches = (
            Duty("feed", pace.keeper_seconds, lambda: feeder().feed(), wake=hungry),
            Duty("sweep_batches", pace.sweep_seconds, lambda: feeder().forget(), FORGOTTEN),
        )
        many = asyncio.Event()
        bulk = Duty("bulk", settings.keeper.keeper_seconds, lambda: services.bulks.run(), wake=many)
        keeper = Keeper((*_duties(settings, store, storage, queue, hub, waker), *batches, bulk))
        try:
            await pool.start()
            services = _services(
                settings,
                stopping,
                store,
                storage,
                queue,
                hub,
                pool,
                metrics,
                keeper,
                fetcher,
                deliverer,
                egress.sending,
                waker,
                circuits,
                many,
            )
            yield System(store, storage, queue, hub, pool, worker, keeper, dispatcher, services)
        finally:
            await pool.close()
            await egress.close()
            await queue.close()
            await storage.close()
    finally:
        await store.close()


def _duties(
    settings: Settings, store: Book, storage: Storage, queue: Queue, hub: EventHub, waker: Waker
) -> Sequence[Duty]:
    """Everything that the keeper does, in the order in which it matters."""
    pace = settings.keeper
    rescuer = Rescuer(store, queue, hub, pace.upload_wait_seconds)
    sweeper = sweeper_of(settings, store, storage, hub)
    return (
        Duty("rescue", pace.keeper_seconds, rescuer.rescue, rescuer.batch),
        Duty("wake", pace.keeper_seconds, waker.wake, waker.batch, waker.wanted),
        Duty("ring", pace.keeper_seconds, rescuer.ring),
        Duty("expire_uploads", pace.sweep_seconds, rescuer.expire_uploads, rescuer.batch),
        Duty("sweep_jobs", pace.sweep_seconds, sweeper.sweep_jobs, sweeper.batch),
        Duty("sweep_files", pace.sweep_seconds, sweeper.sweep_files),
        Duty("sweep_audit", pace.sweep_seconds, sweeper.sweep_audit, sweeper.batch),
        Duty("sweep_webhooks", pace.sweep_seconds, sweeper.sweep_webhooks, sweeper.batch),
    )


def _dispatcher(settings: Settings, store: Book, egress: Egress, metrics: Metrics, owner: str) -> Dispatcher:
    pace = settings.webhooks
    base = (settings.http.public_url or "").rstrip("/")
    return Dispatcher(
        store.webhooks,
        egress,
        lambda message: payload(message, base),
        WebhookPace(
            pace.webhook_timeout_seconds,
            pace.webhook_in_flight,
            pace.webhook_receiver_in_flight,
            settings.webhooks.schedule,
            pace.webhook_disable_seconds,
        ),
        owner,
        metrics.webhook,
    )


@asynccontextmanager
async def open_inventory(settings: Settings) -> AsyncIterator[Inventory]:
    """What is stored, where no server runs; raises DatabaseOwned where one does, and StartupError."""
    store = await open_store(settings.store.address, time.time)
    try:
        storage = open_storage(settings.storage.address)
        try:
            yield Inventory(sweeper_of(settings, store, storage, open_hub("memory://")))
        finally:
            await storage.close()
    finally:
        await store.close()


def sweeper_of(settings: Settings, store: Book, storage: Storage, hub: EventHub) -> Sweeper:
    """What removes things, by the settings' times."""
    pace = settings.keeper
    return Sweeper(
        store,
        storage,
        hub,
        pace.orphan_seconds,
        pace.audit_ttl_seconds,
        settings.webhooks.webhook_log_seconds,
    )


def _services(
    settings: Settings,
    stopping: Callable[[], bool],
    store: Book,
    storage: Storage,
    queue: Queue,
    hub: EventHub,
    pool: Pool,
    metrics: Metrics,
    keeper: Keeper,
    fetcher: Fetcher,
    deliverer: Deliverer,
    sending: Egress,
    waker: Waker,
    circuits: Circuits,
    many: asyncio.Event,
) -> Services:
    intake = fetcher.intake
    assets = Assets(store, storage, intake, time.time)
    line = Line(store, store.tenants)
    admission = Admission(store, storage, line, time.monotonic, settings.server_limits)

    async def readiness() -> Sequence[Check]:
        kept = [_kept(record, keeper.clock()) for record in keeper.records.values()]
        checks = await _readiness(settings, stopping, store, storage, pool)
        return (*checks, *_circuits(circuits), *kept)

    async def exposition() -> bytes:
        metrics.kept(list(keeper.records.values()), keeper.clock())
        metrics.waiting(await store.webhooks.backlog())
        metrics.circuits(circuits)
        return metrics.render(await store.depth(), Slots(pool.size, pool.busy))

    keep = settings.keeper.keep
    limits = settings.image_limits
    jobs = Jobs(
        store,
        storage,
        queue,
        hub,
        assets,
        admission,
        intake,
        fetcher,
        deliverer,
        Foresight(limits),
        stopping=stopping,
        keeping=lambda tenant: store.keeps.of(tenant).else_(keep),
        check_webhook=sending.check,
        circuits=circuits,
        expect=waker.expect,
        bounds=Bounds(settings.steering.max_schedule_seconds, settings.limits.max_job_seconds),
    )
    templates = Templates(store.templates, assets, settings.http.templates_only)
    planner = Planner(jobs, templates, limits, lambda file: probe(pool, file, limits))
    return Services(
        jobs=jobs,
        assets=assets,
        templates=templates,
        bulks=Bulks(store.bulks, jobs, many),
        batches=Batches(store.batches, Sources(store, fetcher), jobs, templates, planner, lambda: pool.size),
        tenants=store.tenants,
        webhooks=Webhooks(
            store.webhooks,
            sending.check,
            settings.webhooks.webhook_endpoints,
            settings.webhooks.webhook_overlap_seconds,
        ),
        provenance=Manifests(jobs, store.software),
        audit=store.audit,
        keeps=store.keeps,
        inventory=Inventory(sweeper_of(settings, store, storage, hub)),
        planner=planner,
        signer=UrlSigner(signing_keys(settings.http.signing_keys, settings.store.db_path.parent), time.time),
        pool=pool,
        readiness=readiness,
        version=lambda: {"version": __version__, **pool.versions},
        metrics=exposition,
        options=HttpOptions(
            upload_bytes=settings.http.upload_bytes,
            zero_config_upload_bytes=settings.http.zero_config_upload_bytes,
            public_url=settings.http.public_url,
            upload_url_seconds=settings.http.upload_url_seconds,
            slow_body_seconds=settings.http.slow_body_seconds,
            max_wait_seconds=settings.http.max_wait_seconds,
            sse_heartbeat_seconds=settings.http.sse_heartbeat_seconds,
        ),
        observe=metrics.http,
    )


async def _readiness(
    settings: Settings, stopping: Callable[[], bool], store: Book, storage: Storage, pool: Pool
) -> Sequence[Check]:
    try:
        await store.check()
        book = Check("store", good=True)
    except (OSError, PixelFlowError) as error:
        book = Check("store", good=False, detail=str(error))
    free, least = await storage.free_bytes(), settings.storage.min_free_bytes
    return (
        Check("draining", good=not stopping(), detail="the server is going down" if stopping() else ""),
        book,
        Check("disk", free is None or free >= least, f"{free} bytes are free, MIN_FREE_BYTES keeps {least}"),
        Check("pool", pool.healthy, f"{pool.size} decoders wanted, {pool.busy} busy"),
        *(Check(f"cage.{part}", good=True, detail=state) for part, state in pool.cage.items()),
    )


def _circuits(circuits: Circuits) -> Sequence[Check]:
    now = circuits.clock()
    return [
        Check(
            f"circuit.{name}",
            breaker.state(now) is Circuit.CLOSED,
            f"{breaker.state(now)}: {breaker.error}" if breaker.error else breaker.state(now).value,
            vital=False,
            facts={
                "state": breaker.state(now).value,
                "failures": breaker.failures,
                "seconds": round(breaker.seconds(now), 3),
            },
        )
        for name, breaker in circuits.by_name.items()
    ]


def _kept(record: Record, now: float) -> Check:
    overdue, lag = record.overdue(now), round(record.lag_seconds(now), 3)
    said = [f"overdue for {lag} seconds"] if overdue else []
    said += [f"the last run failed: {record.error}"] if record.failing else []
    facts = {
        "period_seconds": record.duty.period_seconds,
        "last_run": moment(record.last_run),
        "seconds": round(record.seconds, 6),
        "count": record.count,
        "found": record.found,
        "failures": record.failures,
        "last_error": record.error,
        "lag_seconds": lag,
    }
    return Check(f"keeper.{record.duty.name}", not overdue, "; ".join(said), vital=False, facts=facts)


def signing_keys(given: str | None, folder: Path) -> Mapping[str, bytes]:
    """The keys of signed URLs by id, the one that signs first; without any given, one is kept beside the
    database."""
    if given is None:
        file = folder / "signing.key"
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "w") as fresh:
                fresh.write(f"k1:{secrets.token_hex(32)}\n")
        given = file.read_text().strip()
    pairs = (pair.split(":", 1) for pair in given.split(","))
    return {name: secret.encode() for name, secret in pairs}
