"""What is kept for a day is gone after it, however much of it there was."""

from pathlib import Path

from harness.book import DAY, Time, job
from pixelflow.adapters.store.sqlite import open_sqlite
from pixelflow.domain.event import EventKind
from pixelflow.ports.store import IdempotencyKey

LIMIT = 2


async def test_more_keys_and_deletions_than_one_write_takes_are_all_forgotten(tmp_path: Path) -> None:
    time = Time()
    store = await open_sqlite(tmp_path / "jobs.db", time)
    for number in range(3 * LIMIT):
        await store.create(job(), IdempotencyKey(f"kept-{number}", "f" * 64))
        gone = (await store.create(job())).job
        await store.delete("local", gone.id)
    time.now += DAY
    await store.create(job(), IdempotencyKey("new", "f" * 64))
    time.now += 1
    await store.expire_uploads(DAY, LIMIT)
    keys = await store.database.rows("SELECT key FROM idempotency", {})
    kinds = {event.kind for event in await store.events("local", None, 0, 100)}
    await store.close()
    assert keys == [("new",)]
    assert kinds == {EventKind.QUEUED}
