"""The audit log: a page of lines for each tenant, which nothing changes."""

import pytest

from harness.book import DAY, Time, queued
from pixelflow.domain.asset import Asset
from pixelflow.domain.audit import KEEPER
from pixelflow.domain.errors import MalformedRequest
from pixelflow.domain.keys import asset_key
from pixelflow.domain.template import Reference
from pixelflow.ports.book import Book


async def deleted(store: Book, actor: str = "anna", tenant: str = "local") -> str:
    job = await queued(store, tenant)
    await store.delete(tenant, job.id, actor)
    return job.id


async def test_a_deletion_leaves_a_line_with_who_and_when(store: Book, time: Time) -> None:
    job_id = await deleted(store)
    (line,) = (await store.audit.page("local", 10)).items
    assert (line.actor, line.action, line.subject, line.at) == ("anna", "job.deleted", job_id, time.now)
    assert line.detail["state"] == "queued"


async def test_a_hold_and_its_end_leave_a_line_each(store: Book) -> None:
    one = await queued(store)
    await store.hold("local", one.id, "anna", held=True)
    await store.hold("local", one.id, "bert", held=False)
    lines = (await store.audit.page("local", 10, subject=one.id)).items
    assert [(line.actor, line.action) for line in lines] == [("bert", "job.released"), ("anna", "job.held")]


async def test_what_was_not_there_leaves_none(store: Book) -> None:
    assert await store.delete("local", "nothing", "anna") is None
    assert (await store.audit.page("local", 10)).items == []


async def test_pages_go_from_the_newest_to_the_oldest_and_are_one_tenants(store: Book) -> None:
    made = [await deleted(store) for _ in range(5)]
    await deleted(store, tenant="other")
    seen: list[str] = []
    cursor = None
    while True:
        page = await store.audit.page("local", 2, cursor)
        seen += [line.subject for line in page.items]
        if (cursor := page.cursor) is None:
            break
    assert seen == made[::-1]


async def test_lines_are_found_by_action_and_by_subject(store: Book) -> None:
    first, second = await deleted(store), await deleted(store, KEEPER)
    of_second = await store.audit.page("local", 10, subject=second)
    assert [line.actor for line in of_second.items] == [KEEPER]
    of_action = await store.audit.page("local", 10, action="job.deleted")
    assert [line.subject for line in of_action.items] == [second, first]
    assert not (await store.audit.page("local", 10, action="job.held")).items
    assert not (await store.audit.page("local", 10, action="job.held", subject=first)).items


@pytest.mark.parametrize("cursor", ["", "x", "-1", "١", "9" * 30])
async def test_a_foreign_cursor(store: Book, cursor: str) -> None:
    with pytest.raises(MalformedRequest, match="cursor"):
        await store.audit.page("local", 10, cursor)


async def test_a_deleted_asset_leaves_a_line(store: Book) -> None:
    key = asset_key("local", "logo")
    await store.put_asset(Asset("local", "ast_logo", key, "png", "image/png", 5, "d" * 64, 1.0))
    await store.delete_asset("local", "ast_logo", "anna")
    await store.delete_asset("local", "ast_logo", "ben")
    (line,) = (await store.audit.page("local", 10)).items
    assert (line.actor, line.action, line.subject) == ("anna", "asset.deleted", "ast_logo")


async def test_the_names_of_templates_move_with_a_line_each(store: Book) -> None:
    for width in (100, 200):
        await store.templates.add("local", "thumb", [{"id": "a", "action": "resize", "width": width}], None)
    await store.templates.promote("local", "thumb", "", 2, "anna")
    await store.templates.promote("local", "thumb", "", 2, "anna")  # it means that already
    await store.templates.rollback("local", "thumb", "", None, "ben")
    await store.templates.delete("local", Reference("thumb", 2), "anna")
    lines = (await store.audit.page("local", 10)).items
    assert [(line.action, line.subject, line.actor) for line in lines] == [
        ("template.deleted", "thumb@2", "anna"),
        ("template.rolled_back", "thumb", "ben"),
        ("template.promoted", "thumb", "anna"),
    ]
    assert lines[2].detail == {"version": 2, "before": 1}


async def test_old_lines_are_forgotten_where_that_is_wanted(store: Book, time: Time) -> None:
    await deleted(store)
    time.now += DAY
    young = await deleted(store)
    assert await store.audit.forget(DAY / 2, 10) == 1
    assert await store.audit.forget(DAY / 2, 10) == 0
    assert [line.subject for line in (await store.audit.page("local", 10)).items] == [young]
