"""The role that does the jobs."""

from pixelflow.bootstrap.shared import Shared
from pixelflow.settings import Settings
from pixelflow.worker.cache import StepCache
from pixelflow.worker.provenance import Provenance
from pixelflow.worker.worker import Pace, Worker


def build_worker(settings: Settings, shared: Shared) -> Worker:
    """With a step cache where one is wanted."""
    store, storage, pool = shared.store, shared.storage, shared.pool
    given, limits, metrics = settings.worker, settings.image_limits, shared.metrics
    cache = StepCache(store, storage, limits, lambda: pool.versions, metrics.recalled)
    return Worker(
        owner=shared.owner,
        store=store,
        storage=storage,
        queue=shared.queue,
        hub=shared.hub,
        pool=pool,
        limits=limits,
        pace=Pace(
            given.lease_seconds,
            given.heartbeat_seconds,
            settings.keeper.keeper_seconds,
            given.announce_after_seconds,
        ),
        provenance=Provenance(store.software, limits, lambda: pool.versions),
        cache=cache if given.step_cache else None,
        fetch=shared.fetcher.fetch,
        fetch_file=shared.fetcher.fetch_file,
        deliver=shared.deliverer.deliver,
        observe=metrics.phase,
        ended=metrics.ended,
        backoff=settings.retries.backoff,
        circuits=shared.circuits,
        expect=shared.waker.expect,
        room=shared.room,
    )
