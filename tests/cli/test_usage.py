"""`pixelflow usage` and `pixelflow tenant`, against a running server."""

import json
from datetime import UTC, datetime

import pytest

from harness.command import Command
from harness.pictures import encoded, photo
from harness.server import RunningServer
from pixelflow.client import ApiError, AsyncClient, Client

STEPS = [{"id": "thumb", "action": "thumbnail", "width": 40, "format": "webp"}]


@pytest.fixture(scope="module")
def used(server: RunningServer) -> RunningServer:
    with Client(server.url) as client:
        client.submit(encoded(photo(120, 90)), STEPS).result(timeout_seconds=30)
    return server


def test_usage_by_day_by_operation_and_as_json(pixelflow: Command, used: RunningServer) -> None:
    today = str(datetime.now(UTC).date())
    table = pixelflow("usage", "--url", used.url).stdout
    assert today in table
    assert "Stored:" in table
    operations = pixelflow("usage", "--by-operation", "--url", used.url).stdout
    assert {"decode", "encode"} <= set(operations.split())
    found = json.loads(pixelflow("usage", "--json", "--from", today, "--url", used.url).stdout)
    (day,) = found["days"]
    assert day["day"] == today
    assert day["jobs"] >= 1
    assert day["cpu_seconds"] > 0
    # An attempt that failed is charged with what was predicted, and has no operations to show for it.
    assert 0 < sum(each["cpu_seconds"] for each in day["operations"]) <= day["cpu_seconds"] + 1e-6


def test_a_tenant_is_shown_set_and_set_back(pixelflow: Command, used: RunningServer) -> None:
    def tenant(*words: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(
            pixelflow("tenant", "shop", *words, "--json", "--url", used.url).stdout
        )
        return found

    assert (tenant()["weight"], tenant()["limits"]) == (1.0, {})
    first = tenant("--weight", "2.5", "--limit", "jobs_per_day=100", "--limit", "stored_bytes=none")
    assert (first["weight"], first["limits"]) == (2.5, {"jobs_per_day": 100, "stored_bytes": None})
    second = tenant("--limit", "jobs_per_day=default", "--limit", "max_queued_cpu_seconds=1.5")
    assert second["limits"] == {"stored_bytes": None, "max_queued_cpu_seconds": 1.5}
    assert second["weight"] == 2.5
    assert "none" in pixelflow("tenant", "shop", "--url", used.url).stdout


def test_a_tenants_times_are_set_part_by_part(pixelflow: Command, used: RunningServer) -> None:
    def keep(*words: str) -> object:
        return json.loads(pixelflow("tenant", "club", *words, "--json", "--url", used.url).stdout)["keep"]

    assert keep() == {"source": None, "outputs": None, "record": None}
    assert keep("--keep", "outputs=3600", "--keep", "record=86400") == {
        "source": None,
        "outputs": 3600,
        "record": 86400,
    }
    assert keep("--keep", "outputs=default", "--weight", "2") == {
        "source": None,
        "outputs": None,
        "record": 86400,
    }
    assert "86,400" in pixelflow("tenant", "club", "--url", used.url).stdout


async def test_the_async_client_sets_them_too(used: RunningServer) -> None:
    async with AsyncClient(used.url) as client:
        await client.set_tenant_keep("pub", {"source": 60})
        assert (await client.tenant_keep("pub"))["source"] == 60


def test_mistakes_are_told(pixelflow: Command, used: RunningServer) -> None:
    for words in (
        ["--keep", "all=5"],
        ["--keep", "source=-1"],
        ["--limit", "jobs=5"],
        ["--limit", "jobs_per_day=many"],
        ["--weight", "0"],
    ):
        done = pixelflow("tenant", "shop", *words, "--url", used.url)
        assert done.returncode != 0, words
        assert "Traceback" not in done.stderr


def test_over_a_quota_the_client_is_told_when_to_come_back(used: RunningServer) -> None:
    with Client(used.url, tries=1) as client:
        client.set_tenant("local", limits={"jobs_per_day": 0})
        try:
            with pytest.raises(ApiError) as found:
                client.submit(encoded(photo(20, 20)), STEPS)
        finally:
            client.set_tenant("local")
        assert (found.value.status, found.value.code) == (429, "quota_exceeded")
        assert found.value.retry_after
        assert found.value.problem["setting"] == "TENANT_JOBS_PER_DAY"
        assert client.tenant("local").limits == {}
