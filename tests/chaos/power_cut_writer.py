"""Writes as a server does, and says on standard output what was acknowledged; ends when the disk fails.

Arguments: the folder; store, storage or both; FULL or NORMAL; how to flush: whole, single or none.
"""

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from pixelflow.adapters.storage.durable import Flusher
from pixelflow.adapters.storage.local import LocalStorage
from pixelflow.adapters.store.sqlite import open_sqlite
from pixelflow.domain.job import Completion, Job, JobState, Output, Source, new_id
from pixelflow.domain.keys import input_key, output_key

WRITERS = 8


async def stream(body: bytes) -> AsyncIterator[bytes]:
    yield body


def acknowledged(*words: str) -> None:
    os.write(1, " ".join([str(time.monotonic()), *words, "\n"]).encode())


async def main(folder: Path, part: str, synchronous: str, flush: str) -> None:
    if flush == "none":
        Flusher.flush = lambda self, files: None
    assert synchronous in ("FULL", "NORMAL")
    store = await open_sqlite(folder / "jobs.db", synchronous=synchronous)
    storage = LocalStorage(folder / "uploads", folder / "outputs", whole=flush == "whole")
    os.sync()
    acknowledged("ready")

    async def put(key: str) -> str:
        body = os.urandom(20_000)
        assert (await storage.put(key, stream(body))).sha256 == hashlib.sha256(body).hexdigest()
        acknowledged("file", key, hashlib.sha256(body).hexdigest())
        return key

    async def write() -> None:
        while True:
            job_id, now = new_id(), time.time()
            key = input_key("local", job_id)
            if part != "store":
                await put(key)
            if part == "storage":
                continue
            job = Job("local", job_id, JobState.QUEUED, [], Source("upload", key), now, now, queued_at=now)
            await store.create(job)
            acknowledged("job", job_id)
            for claimed in await store.claim("writer", 60):
                outputs = []
                if part == "both":
                    staged = storage.stage(output_key("local", claimed.id, claimed.attempt, "step", "webp"))
                    os.write(staged.fd, os.urandom(5_000))
                    [stored] = await storage.commit([staged])
                    acknowledged("file", stored.key, stored.sha256)
                    outputs = [Output("step", stored.key, "webp", "image/webp", stored.bytes, stored.sha256)]
                if await store.finish(claimed.claim, Completion(outputs)):
                    acknowledged("done", claimed.id)

    await asyncio.gather(*(write() for _ in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
