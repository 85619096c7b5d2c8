"""The one place where ports meet adapters: everything that one process runs, put together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pixelflow.bootstrap.dispatcher import build_dispatcher
from pixelflow.bootstrap.jobs import build_jobs
from pixelflow.bootstrap.keeper import build_keeper
from pixelflow.bootstrap.services import build_services
from pixelflow.bootstrap.shared import open_shared
from pixelflow.bootstrap.worker import build_worker
from pixelflow.control.bulks import Bulks
from pixelflow.control.dispatcher import Dispatcher
from pixelflow.control.keeper import Keeper
from pixelflow.http.services import Services
from pixelflow.ports.book import Book
from pixelflow.settings import Settings
from pixelflow.worker.pool import Pool
from pixelflow.worker.worker import Worker


@dataclass(frozen=True)
class System:
    """The roles of a process, and what stands behind them."""

    store: Book
    pool: Pool
    worker: Worker
    keeper: Keeper
    dispatcher: Dispatcher
    services: Services


@asynccontextmanager
async def assemble(settings: Settings, stopping: Callable[[], bool]) -> AsyncIterator[System]:
    """Open what the addresses in the settings name, and close it in turn; ``stopping`` says that the
    process goes down.

    Raises StartupError.
    """
    room = asyncio.Event()
    pool = Pool(settings.pool_options, settings.image_limits, room.set)
    pool.load()
    try:
        shared = await open_shared(settings, pool, room, stopping)
    except BaseException:
        await pool.close()
        raise
    try:
        jobs = build_jobs(settings, shared)
        bulks = Bulks(shared.store.bulks, jobs, settings.keeper.record_ttl_seconds)
        keeper = build_keeper(settings, shared, jobs, bulks)
        worker, dispatcher = build_worker(settings, shared), build_dispatcher(settings, shared)
        services = build_services(settings, shared, jobs, bulks, keeper)
        await pool.start()
        yield System(shared.store, pool, worker, keeper, dispatcher, services)
    finally:
        await pool.close()
        await shared.close()
