"""The one place where ports meet adapters."""

import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pixelflow.adapters.events import open_hub
from pixelflow.adapters.queue import open_queue
from pixelflow.adapters.storage import open_storage
from pixelflow.adapters.store import open_store
from pixelflow.control.keeper import Keeper
from pixelflow.ports.events import EventHub
from pixelflow.ports.queue import Queue
from pixelflow.ports.storage import Storage
from pixelflow.ports.store import JobStore
from pixelflow.settings import Settings
from pixelflow.telemetry import Metrics
from pixelflow.worker.pool import Pool, PoolOptions
from pixelflow.worker.worker import Pace, Worker


@dataclass(frozen=True)
class System:
    """Everything that one process runs, put together."""

    store: JobStore
    storage: Storage
    queue: Queue
    hub: EventHub
    pool: Pool
    worker: Worker
    keeper: Keeper
    metrics: Metrics


@asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[System]:
    """Open what the addresses in the settings name, and close it in turn; raises StartupError."""
    store = await open_store(settings.store_address, time.time)
    try:
        storage = open_storage(settings.storage_address)
        queue = open_queue(settings.queue.queue)
        hub = open_hub("memory://")
        metrics = Metrics()
        limits = settings.image_limits
        options = PoolOptions(
            size=settings.pool_size,
            sandbox=settings.worker.sandbox,
            job_seconds=limits.max_job_seconds,
            memory_bytes=limits.max_memory_bytes,
            max_jobs=settings.worker.child_max_jobs,
            max_rss_bytes=settings.worker.child_max_rss_bytes,
        )
        pool = Pool(options, limits, lambda: worker.room.set())
        worker = Worker(
            owner=f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}",
            store=store,
            storage=storage,
            queue=queue,
            hub=hub,
            pool=pool,
            limits=limits,
            pace=Pace(settings.worker.lease_seconds, settings.worker.heartbeat_seconds, settings.keeper.keeper_seconds),
            observe=metrics.phase,
        )
        keeper = Keeper(
            store=store,
            storage=storage,
            queue=queue,
            hub=hub,
            period_seconds=settings.keeper.keeper_seconds,
            sweep_seconds=settings.keeper.sweep_seconds,
            orphan_seconds=settings.keeper.orphan_seconds,
            upload_wait_seconds=settings.keeper.upload_wait_seconds,
        )
        try:
            await pool.start()
            yield System(store, storage, queue, hub, pool, worker, keeper, metrics)
        finally:
            await pool.close()
            await queue.close()
    finally:
        await store.close()


def signing_keys(given: str | None, folder: Path) -> Mapping[str, bytes]:
    """The keys of signed URLs by id, the one that signs first; without any given, one is kept beside the database."""
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
