"""What a deletion leaves behind of a job, in any table."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from harness.book import claimed, job, output
from pixelflow.adapters.store.sqlite import SqliteStore
from pixelflow.domain.job import Completion, Job
from pixelflow.domain.signature import new_secret
from pixelflow.domain.webhook import EVENTS, DeliveryState, Endpoint, Secret, Verdict, endpoint_id
from pixelflow.domain.webhook import Attempt as Try
from pixelflow.ports.store import IdempotencyKey

FACTS = {
    "job",
    "event",
    "idempotency",
    "job_metadata",
    "step_cache",
    "message",
    "delivery",
}
"""Tables with rows of a job that has everything."""


def traces(database: Path, one: Job) -> Mapping[str, int]:
    """Rows that hold the job's id, by table."""
    found = {}
    with closing(sqlite3.connect(database)) as book:
        tables = [row[0] for row in book.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            rows = book.execute(f"SELECT * FROM {table}").fetchall()
            if count := sum(any(one.id in str(value) for value in row) for row in rows):
                found[table] = count
    return found


@pytest.mark.parametrize("swept", [False, True])
async def test_only_the_news_and_the_line_of_its_deletion_stay(
    store: SqliteStore, database: Path, swept: bool
) -> None:
    secret = Secret(new_secret())
    await store.webhooks.add(
        Endpoint("local", endpoint_id(), "https://client.example/", EVENTS, (secret,)), 10
    )
    facts = {"metadata": {"order": 17}, "webhook_url": "https://client.example/own"}
    expires = {"expires_at": store.database.clock()} if swept else {}
    await store.create(job(**facts, **expires), IdempotencyKey("k", "f"))
    running = await claimed(store)
    done = Completion((output(running),), keys={"thumb": b"t" * 16})
    one = await store.finish(running.claim, done)
    assert one is not None
    for parcel in (await store.webhooks.claim("sender", 60, 10, 10, {})).parcels:
        tried = Try(1, 0.0, 0.1, 204)
        await store.webhooks.conclude(parcel, tried, Verdict(DeliveryState.DELIVERED), 1e9)
    assert traces(database, one).keys() == FACTS
    if swept:
        [gone] = await store.sweep(10)
        assert gone.deleted
    else:
        assert await store.delete("local", one.id, "anna") is not None
    assert traces(database, one) == {"event": 1, "audit": 1}
    with closing(sqlite3.connect(database)) as book:
        assert book.execute("SELECT count(*) FROM delivery_attempt").fetchone() == (0,)
