"""Requests that are broken off between their statements and their COMMIT: every row's file is there."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from harness.site import PIPELINE, Site
from pixelflow.http.exchange import Exchange
from pixelflow.http.submission import submit_picture


async def once(picture: bytes) -> AsyncIterator[bytes]:
    yield picture


def stored(site: Site, key: str | None) -> bytes:
    path = site.storage.local_path(key or "")
    assert path is not None
    return path.read_bytes()


def break_off(site: Site, request: Coroutine[Any, Any, object]) -> None:
    """Cancel it as soon as it has written something."""

    async def broken_off() -> None:
        connection = site.store.writer._connection
        before = connection.total_changes
        task = asyncio.create_task(request)

        def look() -> None:
            if connection.total_changes == before:
                asyncio.get_running_loop().call_soon(look)
            else:
                task.cancel()

        look()
        await asyncio.wait([task])
        assert task.cancelled()
        await site.store.check()

    site.run(broken_off())


def test_of_an_asset(site: Site, jpeg: bytes) -> None:
    break_off(site, site.services.assets.add("asset", once(jpeg)))
    (asset,) = site.client.get("/v1/assets", headers={"x-tenant": "asset"}).json()["items"]
    again = site.client.post("/v1/assets", headers={"x-tenant": "asset"}, files={"file": jpeg})
    assert again.json()["id"] == asset["id"]
    kept = site.run(site.store.get_asset("asset", asset["id"]))
    assert kept is not None
    assert stored(site, kept.key) == jpeg


def test_of_an_upload(site: Site, jpeg: bytes) -> None:
    made = site.client.post("/v1/jobs", json={"source_type": "upload", "pipeline": PIPELINE}).json()
    break_off(site, site.services.jobs.upload("local", made["id"], once(jpeg)))
    job = site.run(site.store.get("local", made["id"]))
    assert job is not None
    assert stored(site, job.source.key) == jpeg


def test_of_a_submission(site: Site, jpeg: bytes) -> None:
    order = site.run(site.services.templates.order("submission", {"pipeline": PIPELINE}, ()))
    scope = {"method": "POST", "path": "/v1/jobs", "headers": []}
    exchange = Exchange(site.services, scope, _unused, _unused, "broken")
    break_off(site, submit_picture(exchange, "submission", order, jpeg, {}, "key", len(jpeg)))
    (shown,) = site.client.get("/v1/jobs", headers={"x-tenant": "submission"}).json()["items"]
    job = site.run(site.store.get("submission", shown["id"]))
    assert job is not None
    assert stored(site, job.source.key) == jpeg


async def _unused(*message: object) -> Any:
    raise AssertionError("nothing is read or sent")
