"""What callers do with jobs."""

import time

from pixelflow.bootstrap.shared import Shared
from pixelflow.control.admission import Admission
from pixelflow.control.assets import Assets
from pixelflow.control.foresight import Foresight
from pixelflow.control.jobs import Jobs
from pixelflow.control.line import Line
from pixelflow.control.order import Bounds
from pixelflow.settings import Settings


def build_jobs(settings: Settings, shared: Shared) -> Jobs:
    """With the assets that jobs refer to, and the limits of what they may ask for."""
    store, storage, intake = shared.store, shared.storage, shared.fetcher.intake
    keep = settings.keeper.keep
    return Jobs(
        store,
        storage,
        shared.queue,
        shared.hub,
        Assets(store, storage, intake, time.time, shared.circuits),
        Admission(store, storage, Line(store, store.tenants), time.monotonic, settings.server_limits),
        intake,
        shared.fetcher,
        shared.deliverer,
        Foresight(settings.image_limits),
        stopping=shared.stopping,
        circuits=shared.circuits,
        expect=shared.waker.expect,
        keeping=lambda tenant: store.keeps.of(tenant).else_(keep),
        bounds=Bounds(settings.steering.max_schedule_seconds, settings.limits.max_job_seconds),
        check_webhook=shared.sending.check,
    )
