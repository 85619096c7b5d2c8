"""A filter that finds little among much is answered piece by piece, and holds up nobody."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.book import queued
from pixelflow.adapters.store import listing
from pixelflow.adapters.store.sqlite import SqliteStore, open_sqlite
from pixelflow.control.selecting import read_filter
from pixelflow.domain.bulk import Bulk, BulkAction
from pixelflow.domain.job import JobState, new_id
from pixelflow.ports.store import JobFilter

SCANNED = 4
FILTERS = [
    JobFilter(),
    JobFilter(JobState.QUEUED),
    JobFilter(JobState.CANCELLED),
    JobFilter(JobState.CANCELLED, template="thumb"),
    JobFilter(JobState.CANCELLED, template="thumb@1"),
    JobFilter(created_after=0, batch_id="b"),
    JobFilter(metadata={"shop": "north"}),
    JobFilter(metadata={"shop": "north", "side": "odd"}),
    JobFilter(metadata={"shop": "north", "number": "3"}),
    JobFilter(JobState.QUEUED, metadata={"number": "3", "shop": "north"}),
    JobFilter(JobState.FAILED, metadata={"shop": "north"}),
]


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqliteStore:
    for name in ("SCANNED", "COUNTED"):
        monkeypatch.setattr(listing, name, SCANNED)
    monkeypatch.setattr(listing, "LOOKS", 2)
    store = await open_sqlite(tmp_path / "jobs.db")
    for number in range(40):
        facts = {"shop": "north", "side": "odd" if number % 2 else "even", "number": number}
        job = await queued(store, metadata=facts, template="thumb@1", batch_id="b")
        if number % 10 == 0:
            await store.cancel("local", job.id)
    return store


async def paged(store: SqliteStore, where: JobFilter, limit: int) -> Sequence[Sequence[str]]:
    pages, cursor = [], None
    while True:
        page = await store.list_jobs("local", where, limit, cursor)
        assert len(page.items) <= limit
        pages.append([job.id for job in page.items])
        if (cursor := page.cursor) is None:
            return pages


@pytest.mark.parametrize("where", FILTERS, ids=str)
async def test_pages_and_counts_are_whole(
    store: SqliteStore, where: JobFilter, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = {limit: await paged(store, where, limit) for limit in (1, 3, 100)}
    counted = await store.count_jobs("local", where)
    for name in ("SCANNED", "COUNTED"):
        monkeypatch.setattr(listing, name, 1000)
    [whole] = await paged(store, where, 100)
    assert counted == await store.count_jobs("local", where) == len(whole)
    for pages in pieces.values():
        assert [job for page in pages for job in page] == whole
    await store.close()


async def test_a_page_ends_after_so_many_looks(store: SqliteStore) -> None:
    asked: list[str] = []
    store.database._slow.set_trace_callback(asked.append)
    page = await store.list_jobs("local", JobFilter(JobState.FAILED, metadata={"shop": "north"}), 5, None)
    assert (page.items, page.cursor is None) == ([], False)
    assert len(asked) == 2 * 2, "an edge and a look, twice"
    asked.clear()
    rare = JobFilter(metadata={"shop": "north", "number": "3"})
    assert len((await store.list_jobs("local", rare, 5, None)).items) == 1
    assert len(asked) == 3, "the rarest pair leads: the edges of both, and one look"
    await store.close()


async def test_an_operation_on_many_goes_through_them_in_bounded_steps(store: SqliteStore) -> None:
    where = {"template": "thumb", "status": "queued", "metadata": {"shop": "north", "side": "odd"}}
    await store.bulks.create(Bulk("local", new_id(), BulkAction.CANCEL, where, "anna", 20, 0, 0), None)
    steps = []
    while (stepped := await store.bulks.step(lambda bulk: read_filter(bulk.where), 3)) is not None:
        steps.append(len(stepped.jobs))
        assert len(steps) < 40
    assert (sum(steps), max(steps) <= 3, stepped) == (20, True, None)
    await store.close()
