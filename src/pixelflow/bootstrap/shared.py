"""What the roles of one process share: ports and what they open, and the state between the roles."""

import asyncio
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from pixelflow.adapters.buckets import open_buckets
from pixelflow.adapters.events import open_hub
from pixelflow.adapters.queue import open_queue
from pixelflow.adapters.storage import open_storage
from pixelflow.adapters.store import open_store
from pixelflow.bootstrap.egress import open_egress
from pixelflow.control.delivery import Deliverer
from pixelflow.control.fetching import Fetcher
from pixelflow.control.hosts import Hosts
from pixelflow.control.intake import IntakeLimits
from pixelflow.control.transfers import Transfers
from pixelflow.control.waking import Waker
from pixelflow.domain.breaker import Breaker, Circuits
from pixelflow.ports.book import Book
from pixelflow.ports.egress import Egress
from pixelflow.ports.events import EventHub
from pixelflow.ports.queue import Queue
from pixelflow.ports.storage import Storage
from pixelflow.settings import Settings
from pixelflow.telemetry import Metrics
from pixelflow.worker.pool import Pool


@dataclass(frozen=True)
class Shared:
    """One of each; ``close`` ends what was opened."""

    owner: str
    """The process, as its claims name it."""
    store: Book
    storage: Storage
    queue: Queue
    hub: EventHub
    sending: Egress
    """How webhooks go out."""
    fetcher: Fetcher
    deliverer: Deliverer
    waker: Waker
    circuits: Circuits
    hosts: Hosts
    metrics: Metrics
    pool: Pool
    room: asyncio.Event
    """Set by the pool when a slot comes free."""
    stopping: Callable[[], bool]
    """Whether the process goes down."""
    close: Callable[[], Awaitable[None]]


async def open_shared(
    settings: Settings, pool: Pool, room: asyncio.Event, stopping: Callable[[], bool]
) -> Shared:
    """Open what the addresses in the settings name; raises StartupError, with nothing left open."""
    async with AsyncExitStack() as opened:
        store = await open_store(settings.store.address, time.time, settings.tenant.limits)
        opened.push_async_callback(store.close)
        storage = open_storage(settings.storage.address)
        opened.push_async_callback(storage.close)
        queue = open_queue(settings.queue.queue)
        opened.push_async_callback(queue.close)
        given = settings.egress
        fetching, sending = open_egress(given, plain_http=True), open_egress(given, plain_http=False)
        opened.push_async_callback(fetching.close)
        opened.push_async_callback(sending.close)
        buckets = open_buckets(given.prefixes, given.egress_connect_seconds, given.fetch_seconds)
        intake = IntakeLimits(settings.http.upload_bytes, settings.formats.readable)
        transfers = Transfers(given.max_transfers, given.max_transfers_per_host)
        tries, policy = given.transfer_tries, settings.retries.breaker
        hosts = Hosts(policy, given.max_host_wait_seconds)
        return Shared(
            owner=f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}",
            store=store,
            storage=storage,
            queue=queue,
            hub=open_hub("memory://"),
            sending=sending,
            fetcher=Fetcher(
                fetching, buckets, storage, store, intake, transfers, given.fetch_seconds, tries, hosts=hosts
            ),
            deliverer=Deliverer(
                sending, buckets, storage, transfers, given.deliver_seconds, tries, hosts=hosts
            ),
            hosts=hosts,
            waker=Waker(store, queue, time.time),
            circuits=Circuits(time.monotonic, Breaker(policy), Breaker(policy)),
            metrics=Metrics(),
            pool=pool,
            room=room,
            stopping=stopping,
            close=opened.pop_all().aclose,
        )
