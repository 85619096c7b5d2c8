"""The role that does the jobs."""

from pixelflow.bootstrap.shared import Shared
from pixelflow.settings import Settings
from pixelflow.worker.attempts import Attempts
from pixelflow.worker.cache import StepCache
from pixelflow.worker.provenance import Provenance
from pixelflow.worker.setbacks import Setbacks
from pixelflow.worker.worker import Pace, Worker


def build_worker(settings: Settings, shared: Shared) -> Worker:
    """With a step cache where one is wanted."""
    store, storage, pool = shared.store, shared.storage, shared.pool
    given, limits, metrics = settings.worker, settings.image_limits, shared.metrics
    cache = StepCache(store, storage, limits, lambda: pool.versions, metrics.recalled)
    setbacks = Setbacks(
        store, storage, pool, limits, shared.circuits, settings.retries.backoff, expect=shared.waker.expect
    )
    attempts = Attempts(
        store,
        storage,
        shared.queue,
        shared.hub,
        pool,
        limits,
        setbacks,
        shared.room,
        announce_after_seconds=given.announce_after_seconds,
        provenance=Provenance(store.software, limits, lambda: pool.versions),
        cache=cache if given.step_cache else None,
        fetch=shared.fetcher.fetch,
        fetch_file=shared.fetcher.fetch_file,
        deliver=shared.deliverer.deliver,
        enter=shared.deliverer.enter,
        observe=metrics.phase,
    )
    return Worker(
        shared.owner,
        store,
        shared.queue,
        shared.hub,
        pool,
        attempts,
        shared.circuits,
        shared.room,
        Pace(given.lease_seconds, given.heartbeat_seconds, settings.keeper.keeper_seconds),
        observe=metrics.phase,
        ended=metrics.ended,
    )
