"""What the HTTP layer is given."""

import time
from collections.abc import Sequence

from pixelflow import __version__
from pixelflow.bootstrap.inventory import sweeper_of
from pixelflow.bootstrap.readiness import readiness
from pixelflow.bootstrap.shared import Shared
from pixelflow.bootstrap.signing import signing_keys
from pixelflow.control.batch_sources import Sources
from pixelflow.control.batches import Batches
from pixelflow.control.bulks import Bulks
from pixelflow.control.inventory import Inventory
from pixelflow.control.jobs import Jobs
from pixelflow.control.keeper import Keeper
from pixelflow.control.planning import Planner
from pixelflow.control.provenance import Provenance
from pixelflow.control.signing import UrlSigner
from pixelflow.control.templates import Templates
from pixelflow.control.webhooks import Webhooks
from pixelflow.http.services import Check, HttpOptions, Services
from pixelflow.settings import Settings
from pixelflow.settings.http import HttpSettings
from pixelflow.telemetry import Slots
from pixelflow.worker.probe import probe


def build_services(settings: Settings, shared: Shared, jobs: Jobs, bulks: Bulks, keeper: Keeper) -> Services:
    """Everything that a request may need."""
    store, pool, limits = shared.store, shared.pool, settings.image_limits
    templates = Templates(store.templates, jobs.assets, settings.http.templates_only)
    planner = Planner(jobs, templates, limits, lambda file: probe(pool, file, limits))

    async def checks() -> Sequence[Check]:
        return await readiness(shared, keeper, settings.storage.min_free_bytes)

    async def exposition() -> bytes:
        metrics = shared.metrics
        metrics.kept(list(keeper.records.values()), keeper.clock())
        metrics.waiting(await store.webhooks.backlog())
        metrics.circuits(shared.circuits, shared.hosts.states())
        return metrics.render(await store.depth(), Slots(pool.size, pool.busy))

    return Services(
        jobs=jobs,
        assets=jobs.assets,
        templates=templates,
        bulks=bulks,
        batches=Batches(
            store.batches, Sources(store, shared.fetcher), jobs, templates, planner, lambda: pool.size
        ),
        tenants=store.tenants,
        webhooks=Webhooks(
            store.webhooks,
            shared.sending.check,
            settings.webhooks.webhook_endpoints,
            settings.webhooks.webhook_overlap_seconds,
        ),
        provenance=Provenance(jobs, store.software),
        audit=store.audit,
        keeps=store.keeps,
        inventory=Inventory(sweeper_of(settings, store, shared.storage, shared.hub)),
        planner=planner,
        signer=UrlSigner(signing_keys(settings.http.signing_keys, settings.store.db_path.parent), time.time),
        pool=pool,
        readiness=checks,
        version=lambda: {"version": __version__, **pool.versions},
        metrics=exposition,
        options=_options(settings.http),
        observe=shared.metrics.http,
    )


def _options(given: HttpSettings) -> HttpOptions:
    return HttpOptions(
        upload_bytes=given.upload_bytes,
        zero_config_upload_bytes=given.zero_config_upload_bytes,
        public_url=given.public_url,
        upload_url_seconds=given.upload_url_seconds,
        slow_body_seconds=given.slow_body_seconds,
        max_wait_seconds=given.max_wait_seconds,
        sse_heartbeat_seconds=given.sse_heartbeat_seconds,
    )
