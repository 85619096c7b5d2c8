"""One thing done to many jobs, from both clients."""

from typing import Any

from harness.server import RunningServer
from pixelflow.client import AsyncClient, Client

Steps = list[dict[str, Any]]


def test_many_are_counted_then_changed_and_listed(client: Client, picture: bytes, thumb: Steps) -> None:
    jobs = [client.submit(picture, thumb, metadata={"album": "naples"}) for _ in range(2)]
    for job in jobs:
        job.result(timeout_seconds=60)
    where = {"metadata": {"album": "naples"}}
    assert client.bulks.order("delete", where, dry_run=True).total == 2
    assert client.bulks.order("delete", where, dry_run=True).id is None
    made = client.bulks.order("delete", where)
    newest = next(client.bulks.list())
    assert made.id is not None
    assert (newest.id, newest.action, newest.total) == (made.id, "delete", 2)
    while not (ended := client.bulks.get(made.id)).finished:
        pass
    assert (ended.changed, ended.skipped) == (2, 0)


async def test_the_same_with_asyncio(server: RunningServer) -> None:
    async with AsyncClient(server.url) as client:
        made = await client.bulks.order("cancel", {"status": "queued"})
        assert made.id in [bulk.id async for bulk in client.bulks.list()]
