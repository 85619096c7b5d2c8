"""Another process with a store: ``python other_process.py hold|create|fill DATABASE``."""

import asyncio
import resource
import sys
from pathlib import Path

from pixelflow.adapters.store.sqlite import SqliteStore, open_sqlite
from pixelflow.domain.errors import StoreUnavailable
from pixelflow.domain.job import Job, JobState, Source, new_id

WRITERS = 8
MOST = 200_000


def say(*words: object) -> None:
    print(*words, flush=True)


def job() -> Job:
    steps = [{"id": "thumb", "action": "resize", "width": 100}]
    return Job("local", new_id(), JobState.QUEUED, steps, Source("upload"), created_at=0, updated_at=0)


async def hold(store: SqliteStore, database: Path) -> None:
    """Keep the store open until standard input ends."""
    say("open")
    await asyncio.to_thread(sys.stdin.read)


async def create(store: SqliteStore, database: Path) -> None:
    """Create jobs until killed, several at once; each id is said once it is acknowledged."""

    async def one_after_another() -> None:
        for _ in range(MOST // WRITERS):
            created = await store.create(job())
            say(created.job.id)

    await asyncio.gather(*(one_after_another() for _ in range(WRITERS)))


async def fill(store: SqliteStore, database: Path) -> None:
    """Create jobs until no file may grow any more, and again once it may; says what became of each."""
    log = database.with_name(f"{database.name}-wal")

    async def create_one() -> bool:
        new = job()
        try:
            await store.create(new)
        except StoreUnavailable as error:
            say("refused", new.id, error.code)
            return False
        say("accepted", new.id)
        return True

    await create_one()
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 200_000, most))
    for _ in range(MOST):
        if not await create_one():
            break
    await asyncio.gather(*(create_one() for _ in range(WRITERS)))
    say("readable", (await store.depth()).by_state[JobState.QUEUED])
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    say("freed")
    await asyncio.gather(*(create_one() for _ in range(WRITERS)))


async def main() -> None:
    what, database = sys.argv[1], Path(sys.argv[2])
    store = await open_sqlite(database)
    await {"hold": hold, "create": create, "fill": fill}[what](store, database)
    await store.close()


asyncio.run(main())
