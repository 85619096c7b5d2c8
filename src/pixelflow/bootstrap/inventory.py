"""What is stored, and what removes it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pixelflow.adapters.events import open_hub
from pixelflow.adapters.storage import open_storage
from pixelflow.adapters.store import open_store
from pixelflow.control.inventory import Inventory
from pixelflow.control.sweep import Sweeper
from pixelflow.ports.book import Book
from pixelflow.ports.events import EventHub
from pixelflow.ports.storage import Storage
from pixelflow.settings import Settings


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
    given = settings.keeper
    return Sweeper(
        store,
        storage,
        hub,
        given.orphan_seconds,
        given.audit_ttl_seconds,
        settings.webhooks.webhook_log_seconds,
    )
