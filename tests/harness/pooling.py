"""A real pool of real decoders, and tasks for it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.pictures import encoded, photo
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import wire
from pixelflow.worker.pool import Pool, PoolOptions
from pixelflow.worker.running import Outcome, Running

PATIENCE_SECONDS = 30.0
OPTIONS = PoolOptions(
    size=1, sandbox="auto", job_seconds=20, memory_bytes=1536 << 20, max_jobs=1000, max_rss_bytes=1 << 40
)
THUMBNAIL = {"id": "thumb", "action": "thumbnail", "width": 64, "format": "jpeg"}


@cache
def picture() -> bytes:
    return encoded(photo(320, 240))


@dataclass
class Bench:
    """A pool under test, and the files of the tasks that it was given."""

    pool: Pool
    folder: Path
    room: asyncio.Event
    files: list[int] = field(default_factory=list)

    def submit(
        self,
        *steps: dict[str, Any],
        source: bytes = b"",
        outputs: list[int] | None = None,
        assets: Mapping[str, bytes] = MappingProxyType({}),
        limits: ImageLimits | None = None,
    ) -> Running:
        """A task with an output file for every step, by default one small JPEG of a small picture."""
        chosen = list(steps) or [THUMBNAIL]
        written = outputs or [self.file() for _ in chosen]
        names = [step["id"] for step in chosen]
        task = wire.Task(chosen, list(assets), names, limits or ImageLimits())
        read = [self.file(content) for content in (source or picture(), *assets.values())]
        return self.pool.submit(task, [*read, *written], lambda percent: None)

    def content(self, file: int) -> bytes:
        return os.pread(file, os.fstat(file).st_size, 0)

    def file(self, content: bytes = b"") -> int:
        path = self.folder / str(len(self.files))
        path.write_bytes(content)
        self.files.append(os.open(path, os.O_RDWR))
        return self.files[-1]


@asynccontextmanager
async def running_pool(
    folder: Path, limits: ImageLimits | None = None, **options: Any
) -> AsyncIterator[Bench]:
    """A started pool of one decoder, or with whatever options differ."""
    room = asyncio.Event()
    pool = Pool(replace(OPTIONS, **options), limits or ImageLimits(), room.set)
    bench = Bench(pool, folder, room)
    try:
        await pool.start()
        yield bench
    finally:
        await pool.close()
        for file in bench.files:
            os.close(file)


async def outcome(running: Running) -> Outcome:
    return await asyncio.wait_for(asyncio.shield(running.outcome), PATIENCE_SECONDS)


async def until(fact: Callable[[], bool]) -> None:
    """Wait for a fact, not longer than PATIENCE_SECONDS."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not fact():  # noqa: ASYNC110 - processes end without telling the loop
            await asyncio.sleep(0.002)
