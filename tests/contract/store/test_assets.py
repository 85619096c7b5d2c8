"""Assets, and the storage keys that something names."""

from dataclasses import replace

from harness.book import claimed, output, queued
from pixelflow.domain.asset import Asset
from pixelflow.domain.job import Completion, new_id
from pixelflow.domain.keys import asset_key, input_key, output_key
from pixelflow.ports.store import JobStore


def asset(tenant: str, name: str, created_at: float = 1.0) -> Asset:
    return Asset(
        tenant, f"ast_{name}", asset_key(tenant, f"{name}0"), "png", "image/png", 5, "d" * 64, created_at
    )


async def test_the_outputs_of_an_attempt_that_runs_are_known(store: JobStore) -> None:
    await queued(store)
    first = await claimed(store)
    early = output(first).key
    assert await store.known_keys([early]) == {early}
    await store.release([first.claim])
    assert await store.known_keys([early]) == set()
    second = await claimed(store)
    late = output(second).key
    assert await store.known_keys([early, late]) == {late}


async def test_known_keys_are_those_that_something_names(store: JobStore) -> None:
    await queued(store)
    running = await claimed(store)
    made = output(running)
    await store.finish(running.claim, Completion((made,)))
    kept = await store.put_asset(asset("local", "logo"))
    assert running.source.key is not None
    named = {running.source.key, made.key, kept.key}
    foreign = {
        input_key("local", running.id),
        input_key("other", running.id),
        made.key.replace("/1/", "/2/"),
        output_key("local", new_id(), 1, "thumb", "jpg"),
        asset_key("other", "logo0"),
        asset_key("local", "ast_logo"),
        "inputs/local",
        "somewhere/else",
        "",
    }
    assert await store.known_keys([*named, *foreign]) == named
    assert await store.known_keys([]) == set()
    await store.delete("local", running.id)
    await store.delete_asset("local", kept.id)
    assert await store.known_keys([*named]) == set()


async def test_an_asset_is_stored_once(store: JobStore) -> None:
    first = asset("local", "logo")
    assert await store.put_asset(first) == first
    assert await store.put_asset(replace(first, key="assets/local/elsewhere")) == first
    assert await store.get_asset("local", first.id) == first
    assert await store.get_asset("other", first.id) is None
    assert await store.delete_asset("other", first.id) is None
    assert await store.delete_asset("local", first.id) == first
    assert await store.delete_asset("local", first.id) is None
    assert await store.get_asset("local", first.id) is None


async def test_assets_are_listed_newest_first(store: JobStore) -> None:
    made = [await store.put_asset(asset("local", f"{i}", created_at=1.1 * (i // 2))) for i in range(5)]
    await store.put_asset(asset("other", "x"))
    first = await store.list_assets("local", 2, None)
    second = await store.list_assets("local", 2, first.cursor)
    third = await store.list_assets("local", 2, second.cursor)
    assert [*first.items, *second.items, *third.items] == [made[i] for i in (4, 3, 2, 1, 0)]
    assert third.cursor is None
