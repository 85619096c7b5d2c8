"""The application as it is served, over real adapters; the test itself finishes jobs, in a worker's stead."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

import httpx
from granian.constants import Interfaces
from granian.server.embed import Server

from harness.names import Names
from harness.server import free_port
from pixelflow.adapters.buckets import open_buckets
from pixelflow.adapters.egress.http import HttpEgress
from pixelflow.adapters.egress.rules import Rules
from pixelflow.adapters.events.memory import MemoryHub
from pixelflow.adapters.queue.memory import MemoryQueue
from pixelflow.adapters.storage.local import LocalStorage
from pixelflow.adapters.store.sqlite import SqliteStore, open_sqlite
from pixelflow.control.admission import Admission, ServerLimits
from pixelflow.control.assets import Assets
from pixelflow.control.batch_sources import Sources
from pixelflow.control.batches import Batches
from pixelflow.control.bulks import Bulks
from pixelflow.control.delivery import Deliverer
from pixelflow.control.dispatcher import Dispatcher, Pace
from pixelflow.control.fetching import Fetcher
from pixelflow.control.foresight import Foresight
from pixelflow.control.intake import IntakeLimits
from pixelflow.control.inventory import Inventory
from pixelflow.control.jobs import Jobs
from pixelflow.control.line import Line
from pixelflow.control.planning import Planner
from pixelflow.control.provenance import Provenance
from pixelflow.control.signing import UrlSigner
from pixelflow.control.sweep import Sweeper
from pixelflow.control.templates import Templates
from pixelflow.control.transfers import Transfers
from pixelflow.control.webhooks import Webhooks
from pixelflow.domain.event import Event
from pixelflow.domain.job import Claim, Completion, Failure, Job, Output
from pixelflow.domain.keys import output_key
from pixelflow.domain.limits import ImageLimits
from pixelflow.domain.principal import Principal
from pixelflow.http.app import build_app
from pixelflow.http.services import Check, Headers, HttpOptions, Services
from pixelflow.http.shapes.webhooks import payload

T = TypeVar("T")
ACCEPT_SECONDS = 10.0
PIPELINE = [{"id": "thumb", "action": "resize", "width": 150, "format": "webp"}]


@dataclass
class Size:
    """A pool's size, and nothing behind it."""

    size: int = 2

    async def resize(self, size: int) -> None:
        self.size = size


@dataclass
class Site:
    """A served application, and what is behind it."""

    loop: asyncio.AbstractEventLoop
    services: Services
    store: SqliteStore
    storage: LocalStorage
    hub: MemoryHub
    url: str
    folder: Path
    client: httpx.Client
    observed: list[tuple[str, str, int]]
    checks: list[Check]
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(ACCEPT_SECONDS)

    def submit(self, picture: bytes, **fields: Any) -> str:
        """A queued job's id."""
        answer = self.client.post(
            "/v1/jobs", files={"file": picture}, data={"pipeline": text(PIPELINE), **fields}
        )
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["id"]
        return job_id

    def claim(self, job_id: str) -> Job:
        """The job, claimed; whatever else is queued goes back."""

        async def work() -> Job:
            jobs = await self.store.claim("test", 60, 1000)
            mine = next(job for job in jobs if job.id == job_id)
            await self.store.release([job.claim for job in jobs if job is not mine])
            self.hub.publish(Event.of(mine), mine)
            return mine

        return self.run(work())

    def finish(self, claim: Claim, outputs: Mapping[str, bytes], failure: Failure | None = None) -> Job:
        """Store the outputs (WebP) and complete the job, or fail it."""

        async def work() -> Job:
            kept = []
            for step, content in outputs.items():
                staged = self.storage.stage(
                    output_key(claim.tenant, claim.job_id, claim.attempt, step, "webp")
                )
                os.write(staged.fd, content)
                (stored,) = await self.storage.commit([staged])
                kept.append(
                    Output(step, stored.key, "webp", "image/webp", stored.bytes, stored.sha256, 150, 100)
                )
            ended = await self.store.finish(
                claim,
                Completion(kept, failure=failure, source_format="jpeg", source_width=300, source_height=200),
            )
            assert ended is not None
            self.hub.publish(Event.of(ended), ended)
            return ended

        return self.run(work())

    def done(self, picture: bytes, outputs: Mapping[str, bytes], **fields: Any) -> str:
        """A completed job's id."""
        job_id = self.submit(picture, **fields)
        self.finish(self.claim(job_id).claim, outputs)
        return job_id

    def files(self) -> list[Path]:
        """Every file that the storage holds, unfinished ones too."""
        return [
            path
            for name in ("uploads", "outputs")
            for path in (self.folder / name).rglob("*")
            if path.is_file()
        ]


def text(value: object) -> str:
    """JSON."""
    return json.dumps(value)


async def tenant_of_header(headers: Headers) -> Principal:
    """Callers name their tenant, as a verified token will."""
    tenant = next((value.decode() for name, value in headers if name == b"x-tenant"), "local")
    return Principal(tenant, tenant)


@contextmanager
def served(
    folder: Path,
    max_queue_depth: int = 1_000_000,
    min_free_bytes: int = 0,
    templates_only: bool = False,
    egress_allow: Sequence[str] = (),
    **options: Any,
) -> Iterator[Site]:
    """The application on a free port, in a loop and a thread of its own."""
    ready: Future[Site] = Future()
    thread = threading.Thread(
        target=lambda: asyncio.run(
            _serve(folder, max_queue_depth, min_free_bytes, templates_only, egress_allow, options, ready)
        ),
        name="server",
    )
    thread.start()
    site = ready.result(30)
    try:
        with site.client:
            site.client.get("/healthz")
            yield site
    finally:
        site.stopping.set()
        thread.join(30)
        assert not thread.is_alive()


async def _serve(
    folder: Path,
    max_queue_depth: int,
    min_free_bytes: int,
    templates_only: bool,
    egress_allow: Sequence[str],
    options: Mapping[str, Any],
    ready: "Future[Site]",
) -> None:
    store = await open_sqlite(folder / "jobs.db")
    storage = LocalStorage(folder / "uploads", folder / "outputs")
    queue, hub = MemoryQueue(), MemoryHub()
    values = HttpOptions(**{"upload_bytes": 2_000_000, "zero_config_upload_bytes": 1_000_000, **options})
    intake = IntakeLimits(values.upload_bytes)
    assets = Assets(store, storage, intake, time.time)
    observed: list[tuple[str, str, int]] = []
    checks = [Check("store", good=True)]
    stopping = threading.Event()

    async def readiness() -> list[Check]:
        return checks

    async def metrics() -> bytes:
        return b"# HELP nothing Nothing.\n"

    egress, buckets = HttpEgress(Rules()), open_buckets([f"file://{folder / 'bucket'}"], 1, 1)
    rules = Rules([ip_network(text) for text in egress_allow], plain_http=False)
    sending = HttpEgress(rules, resolve=Names())
    dispatcher = Dispatcher(
        store.webhooks,
        sending,
        lambda message: payload(message, values.link_base),
        Pace(5.0, 16, 4, (1000.0,), 1e6),
        "site",
    )
    jobs = Jobs(
        store,
        storage,
        queue,
        hub,
        assets,
        Admission(
            store,
            storage,
            Line(store, store.tenants),
            time.monotonic,
            ServerLimits(max_queue_depth, min_free_bytes=min_free_bytes),
        ),
        intake,
        Fetcher(egress, buckets, storage, store, intake, Transfers(9, 9), 10, 3),
        Deliverer(egress, buckets, storage, Transfers(9, 9), 10, 3),
        Foresight(ImageLimits()),
        stopping=stopping.is_set,
        keeping=store.keeps.of,
        check_webhook=sending.check,
    )
    templates = Templates(store.templates, assets, templates_only)
    planner = Planner(jobs, templates, ImageLimits())
    services = Services(
        jobs=jobs,
        assets=assets,
        templates=templates,
        bulks=Bulks(store.bulks, jobs),
        batches=Batches(store.batches, Sources(store, jobs.fetcher), jobs, templates, planner, lambda: 4),
        tenants=store.tenants,
        webhooks=Webhooks(store.webhooks, sending.check, 50, 3600),
        provenance=Provenance(jobs, store.software),
        audit=store.audit,
        keeps=store.keeps,
        inventory=Inventory(Sweeper(store, storage, hub, orphan_seconds=3600)),
        planner=planner,
        signer=UrlSigner({"k1": b"1" * 32}, time.time),
        pool=Size(),
        readiness=readiness,
        version=lambda: {"version": "0", "libvips": "8.18.7"},
        metrics=metrics,
        options=values,
        observe=lambda method, route, status, seconds: observed.append((method, route, status)),
        caller=tenant_of_header,
    )
    port = free_port()
    server = Server(
        build_app(services),
        port=port,
        interface=Interfaces.ASGINL,
        websockets=False,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    dispatching = asyncio.create_task(dispatcher.run())
    url = f"http://127.0.0.1:{port}"
    client = httpx.Client(base_url=url, timeout=20, transport=httpx.HTTPTransport(retries=20))
    site = Site(
        asyncio.get_running_loop(),
        services,
        store,
        storage,
        hub,
        url,
        folder,
        client,
        observed,
        checks,
        stopping,
    )
    ready.set_result(site)
    await asyncio.to_thread(stopping.wait)
    server.stop()
    await serving
    dispatching.cancel()
    await dispatcher.drain(0)
    await sending.close()
    await queue.close()
    await storage.close()
    await store.close()
