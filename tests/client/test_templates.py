"""Named pipelines in both clients."""

import pytest

from harness.server import RunningServer
from pixelflow.client import ApiError, AsyncClient, Client

THUMB = [{"id": "thumb", "action": "thumbnail", "width": 120, "format": "webp"}]
WIDER = [{"id": "thumb", "action": "thumbnail", "width": 160, "format": "webp"}]


def test_a_templates_life(client: Client, picture: bytes) -> None:
    first = client.templates.add("sync", THUMB, description="For lists")
    assert (first.id, first.pipeline, first.description) == ("sync@1", THUMB, "For lists")
    assert first.created_at is not None
    client.templates.add("sync", WIDER)
    result = client.submit(picture, template="sync@latest").result()
    assert (result["thumb"].width, result.job.template) == (160, "sync@2")
    assert [handle.id for handle in client.jobs(template="sync")] == [result.job.id]
    assert list(client.jobs(template="sync@1")) == []
    source = {"width": 3000, "height": 1500, "format": "jpeg"}
    assert client.plan(template="sync", source=source).outputs[0].width == 120

    assert client.templates.promote("sync", 2, alias="next").aliases == {"next": 2}
    assert client.templates.promote("sync", "next").current_version == 2
    assert client.templates.rollback("sync").current_version == 1
    found = client.templates.diff("sync")
    assert found.lines == ["~ thumb: width 120 → 160"]
    assert found.steps[0].fields == [{"field": "width", "from": 120, "to": 160}]
    assert client.templates.diff("sync", 2, 2).same
    assert [each.version for each in client.templates.versions("sync")] == [2, 1]
    assert "sync" in [each.name for each in client.templates.list()]
    client.templates.delete("sync")
    with pytest.raises(ApiError) as refused:
        client.templates.get("sync")
    assert refused.value.status == 404


async def test_the_same_with_asyncio(server: RunningServer, picture: bytes) -> None:
    async with AsyncClient(server.url) as client:
        await client.templates.add("async", THUMB)
        await client.templates.add("async", WIDER)
        assert (await client.templates.promote("async", 2)).current_version == 2
        assert (await client.templates.rollback("async")).current_version == 1
        assert (await client.templates.get("async@latest")).pipeline == WIDER
        assert not (await client.templates.diff("async")).same
        assert [each.id async for each in client.templates.versions("async")] == ["async@2", "async@1"]
        assert "default@0" in [each.id async for each in client.templates.list()]
        handle = await client.submit(picture, template="async")
        assert (await handle.result())["thumb"].width == 120
        await client.templates.delete("async")
