"""Templates: versions that never change, and names that move."""

from typing import Any

import pytest

from harness.book import Time, job
from pixelflow.domain.errors import InvalidRequest, StateConflict
from pixelflow.domain.template import BARE, LATEST, MAX_ALIASES, Meanings, Reference, Template
from pixelflow.ports.book import Book
from pixelflow.ports.store import IdempotencyKey, JobFilter


def steps(width: int) -> list[dict[str, Any]]:
    return [{"id": "größer ☃", "action": "resize", "width": width, "enlarge": True}]


async def add(store: Book, width: int, name: str = "thumb", tenant: str = "local") -> Template:
    template, _ = await store.templates.add(tenant, name, steps(width), None)
    return template


async def found(store: Book, reference: Reference, tenant: str = "local") -> int | None:
    template = await store.templates.find(tenant, reference)
    return template.version if template else None


async def test_versions_count_from_one_and_never_change(store: Book, time: Time) -> None:
    first, new = await store.templates.add("local", "thumb", steps(1), "small")
    assert (first, new) == (Template("local", "thumb", 1, steps(1), "small", time.now), True)
    time.now += 60
    second = await add(store, 2)
    assert second.id == "thumb@2"
    assert await store.templates.find("local", Reference("thumb", 1)) == first
    assert await store.templates.find("local", Reference("thumb", 2)) == second
    assert await found(store, Reference("thumb", 3)) is None


async def test_the_newest_pipeline_again_makes_no_version(store: Book) -> None:
    await add(store, 1)
    two = await add(store, 2)
    assert await store.templates.add("local", "thumb", steps(2), "other words") == (two, False)
    assert (await add(store, 1)).version == 3


async def test_names_mean_the_first_version_until_they_are_moved(store: Book) -> None:
    for width in (1, 2, 3):
        await add(store, width)
    assert await found(store, Reference("thumb")) == 1
    assert await found(store, Reference("thumb", LATEST)) == 3
    assert await found(store, Reference("thumb", "canary")) is None
    moved = await store.templates.promote("local", "thumb", BARE, 2)
    assert moved is not None
    assert moved.version == 2
    await store.templates.promote("local", "thumb", "canary", LATEST)
    assert await found(store, Reference("thumb")) == 2
    assert await found(store, Reference("thumb", "canary")) == 3
    assert await store.templates.meanings("local", "thumb") == Meanings(2, 3, {"canary": 3})
    assert await store.templates.promote("local", "thumb", BARE, 4) is None
    assert await store.templates.promote("local", "other", BARE, 1) is None


async def test_a_rollback_goes_back_step_by_step(store: Book) -> None:
    for width in (1, 2, 3):
        await add(store, width)
    for version in (3, 3, 2):
        await store.templates.promote("local", "thumb", BARE, version)
    for version in (3, 1):
        back = await store.templates.rollback("local", "thumb", BARE)
        assert back is not None
        assert back.version == version == await found(store, Reference("thumb"))
    with pytest.raises(StateConflict) as refused:
        await store.templates.rollback("local", "thumb", BARE)
    assert refused.value.code == "no_earlier_version"
    assert await store.templates.rollback("local", "thumb", "canary") is None


async def test_the_same_request_goes_back_once(store: Book) -> None:
    for version in (1, 2, 3):
        await add(store, version)
        await store.templates.promote("local", "thumb", BARE, version)
    key = IdempotencyKey("key", "print")
    for _ in range(2):
        back = await store.templates.rollback("local", "thumb", BARE, key)
        assert back is not None
        assert back.version == 2 == await found(store, Reference("thumb"))


async def test_a_rollback_passes_over_what_was_deleted(store: Book) -> None:
    for version in (1, 2, 3):
        await add(store, version)
        await store.templates.promote("local", "thumb", BARE, version)
    assert await store.templates.delete("local", Reference("thumb", 2))
    back = await store.templates.rollback("local", "thumb", BARE)
    assert back is not None
    assert back.version == 1


async def test_deleted_numbers_are_never_given_again(store: Book) -> None:
    await add(store, 1)
    await add(store, 2)
    with pytest.raises(StateConflict) as refused:
        await store.templates.delete("local", Reference("thumb", 1))
    assert refused.value.code == "template_in_use"
    assert await store.templates.delete("local", Reference("thumb", 2))
    assert not await store.templates.delete("local", Reference("thumb", 2))
    assert await found(store, Reference("thumb", LATEST)) == 1
    assert await store.templates.delete("local", Reference("thumb"))
    assert not await store.templates.delete("local", Reference("thumb"))
    assert await store.templates.meanings("local", "thumb") is None
    assert await found(store, Reference("thumb")) is None
    again = await add(store, 1)
    assert again.version == 3
    assert await found(store, Reference("thumb")) == 3
    assert await found(store, Reference("thumb", 1)) is None


async def test_an_alias_can_go(store: Book) -> None:
    await add(store, 1)
    await store.templates.promote("local", "thumb", "canary", 1)
    assert await store.templates.delete("local", Reference("thumb", "canary"))
    assert not await store.templates.delete("local", Reference("thumb", "canary"))
    assert await found(store, Reference("thumb")) == 1


async def test_aliases_are_bounded(store: Book) -> None:
    await add(store, 1)
    for number in range(MAX_ALIASES):
        await store.templates.promote("local", "thumb", f"a{number}", 1)
    with pytest.raises(InvalidRequest, match="aliases already"):
        await store.templates.promote("local", "thumb", "one-more", 1)
    await store.templates.promote("local", "thumb", "a0", LATEST)


async def test_tenants_do_not_see_each_other(store: Book) -> None:
    await add(store, 1)
    assert await found(store, Reference("thumb"), "other") is None
    assert (await store.templates.list("other", 10, None)).items == []
    assert not await store.templates.delete("other", Reference("thumb"))
    assert await store.templates.promote("other", "thumb", BARE, 1) is None
    assert (await add(store, 7, tenant="other")).version == 1
    assert await found(store, Reference("thumb")) == 1


async def test_templates_are_listed_by_name_and_versions_newest_first(store: Book) -> None:
    for name in ("b", "a", "d", "c", "a-b"):
        await add(store, 1, name)
        await add(store, 2, name)
    await store.templates.promote("local", "c", "canary", 2)
    names, cursor = list[str](), None
    while True:
        page = await store.templates.list("local", 2, cursor)
        names += [template.id for template, _ in page.items]
        if (cursor := page.cursor) is None:
            break
    assert names == ["a@1", "a-b@1", "b@1", "c@1", "d@1"]
    assert dict((await store.templates.list("local", 10, "b")).items[0][1].aliases) == {"canary": 2}
    await add(store, 3, "a")
    first = await store.templates.versions("local", "a", 2, 2**31)
    assert [each.version for each in first.items] == [3, 2]
    assert first.cursor is not None
    rest = await store.templates.versions("local", "a", 2, int(first.cursor))
    assert ([each.version for each in rest.items], rest.cursor) == ([1], None)


async def test_the_same_request_answers_the_version_that_it_made(store: Book) -> None:
    key = IdempotencyKey("key", "print")
    first = await store.templates.add("local", "thumb", steps(1), None, key)
    await add(store, 2)
    assert await store.templates.add("local", "thumb", steps(1), None, key) == (first[0], False)
    with pytest.raises(InvalidRequest) as refused:
        await store.templates.add("local", "thumb", steps(3), None, IdempotencyKey("key", "else"))
    assert refused.value.code == "idempotency_mismatch"


async def test_jobs_are_found_by_template(store: Book) -> None:
    made = [
        (await store.create(job(template=template))).job.id
        for template in ("thumb@1", "thumb@2", "thumbs@1", None, "thumb@1")
    ]

    async def listed(template: str) -> list[str]:
        return [
            each.id for each in (await store.list_jobs("local", JobFilter(template=template), 9, None)).items
        ]

    assert await listed("thumb") == [made[4], made[1], made[0]]
    assert await listed("thumb@1") == [made[4], made[0]]
    assert await listed("thumbs") == [made[2]]
    assert await listed("th") == []
    page = await store.list_jobs("local", JobFilter(template="thumb"), 2, None)
    assert [each.id for each in page.items] == [made[4], made[1]]
    assert [
        each.id
        for each in (await store.list_jobs("local", JobFilter(template="thumb"), 2, page.cursor)).items
    ] == [made[0]]
