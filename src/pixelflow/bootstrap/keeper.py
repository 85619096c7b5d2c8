"""The role that lets nothing be forgotten."""

import asyncio

from pixelflow.bootstrap.inventory import sweeper_of
from pixelflow.bootstrap.shared import Shared
from pixelflow.control.bulks import FORGOTTEN as FORGOTTEN_BULKS
from pixelflow.control.bulks import Bulks
from pixelflow.control.feeding import FORGOTTEN, Feeder
from pixelflow.control.jobs import Jobs
from pixelflow.control.keeper import Duty, Keeper
from pixelflow.control.rescue import Rescuer
from pixelflow.settings import Settings


def build_keeper(settings: Settings, shared: Shared, jobs: Jobs, bulks: Bulks) -> Keeper:
    """With all its duties, in the order in which they matter."""
    given, store, waker = settings.keeper, shared.store, shared.waker
    often, seldom = given.keeper_seconds, given.sweep_seconds
    rescuer = Rescuer(store, shared.queue, shared.hub, given.upload_wait_seconds)
    sweeper = sweeper_of(settings, store, shared.storage, shared.hub)
    feeder = Feeder(store.batches, jobs, given.record_ttl_seconds)
    hungry = asyncio.Event()
    store.batches.on_news(hungry.set)
    return Keeper(
        (
            Duty("rescue", often, rescuer.rescue, rescuer.batch),
            Duty("wake", often, waker.wake, waker.batch, waker.wanted),
            Duty("ring", often, rescuer.ring),
            Duty("expire_uploads", seldom, rescuer.expire_uploads, rescuer.batch),
            Duty("sweep_jobs", seldom, sweeper.sweep_jobs, sweeper.batch),
            Duty("sweep_files", seldom, sweeper.sweep_files),
            Duty("sweep_audit", seldom, sweeper.sweep_audit, sweeper.batch),
            Duty("sweep_webhooks", seldom, sweeper.sweep_webhooks, sweeper.batch),
            Duty("feed", often, feeder.feed, wake=hungry),
            Duty("sweep_batches", seldom, feeder.forget, FORGOTTEN),
            Duty("bulk", often, bulks.run, wake=bulks.wanted),
            Duty("sweep_bulks", seldom, bulks.forget, FORGOTTEN_BULKS),
        )
    )
