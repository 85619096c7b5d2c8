"""Sweeps a store's jobs and is killed as it comes to the files: ``killed_sweeper.py FOLDER``."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from pixelflow.adapters.events.memory import MemoryHub
from pixelflow.adapters.storage.local import LocalStorage
from pixelflow.adapters.store import open_store
from pixelflow.control.sweep import Sweeper


class Deadly(LocalStorage):
    """The end of whoever deletes."""

    async def delete(self, keys: Sequence[str]) -> None:
        assert keys
        os.kill(os.getpid(), signal.SIGKILL)


async def main(folder: Path) -> None:
    store = await open_store(f"sqlite:///{folder}/jobs.db", lambda: 2_000_000_000.0)
    storage = Deadly(folder / "uploads", folder / "outputs")
    await Sweeper(store, storage, MemoryHub(), orphan_seconds=0).sweep_jobs()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
