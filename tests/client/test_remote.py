"""Pictures that the server fetches, and outputs that it sends."""

import hashlib
from collections.abc import Iterator

import pytest

from harness.elsewhere import Elsewhere, Reply, elsewhere
from harness.server import RunningServer, running_server
from pixelflow.client import ApiError, AsyncClient, Client, JobFailed

Steps = list[dict[str, object]]


@pytest.fixture(scope="module")
def calling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("calling"), EGRESS_ALLOW="127.0.0.1/32") as running:
        yield running


@pytest.fixture
def there(picture: bytes) -> Iterator[Elsewhere]:
    with elsewhere() as machine:
        machine.routes["/in.jpg"] = Reply(200, picture)
        machine.routes["/out.webp"] = Reply(200)
        yield machine


def test_from_one_url_to_another(
    calling: RunningServer, there: Elsewhere, picture: bytes, thumb: Steps
) -> None:
    with Client(calling.url) as client:
        handle = client.submit_url(
            there.url + "/in.jpg?key=1",
            thumb,
            headers={"X-Key": "hidden"},
            sha256=hashlib.sha256(picture).hexdigest(),
            priority=3,
            store={"url": there.url + "/out.webp?key=2"},
        )
        result = handle.result(timeout_seconds=60)
    get, put = there.asked
    assert (get.path, get.headers["x-key"], put.path) == ("/in.jpg?key=1", "hidden", "/out.webp?key=2")
    assert (result.job.source.url, result.job.priority) == (there.url + "/in.jpg", 3)
    assert result["thumb"].facts.delivered == there.url + "/out.webp"
    assert hashlib.sha256(put.body).hexdigest() == result["thumb"].sha256


async def test_the_same_for_asyncio_and_uploads(
    calling: RunningServer, there: Elsewhere, picture: bytes, thumb: Steps
) -> None:
    async with AsyncClient(calling.url) as client:
        fetched = await client.submit_url(there.url + "/in.jpg", thumb)
        await fetched.result(timeout_seconds=60)
        sent = await client.submit(picture, thumb, store={"url": there.url + "/out.webp"})
        assert (await sent.result(timeout_seconds=60))["thumb"].facts.delivered == there.url + "/out.webp"


def test_what_goes_wrong_is_told(calling: RunningServer, there: Elsewhere, thumb: Steps) -> None:
    with Client(calling.url) as client:
        with pytest.raises(JobFailed) as failed:
            client.submit_url(there.url + "/none.jpg", thumb).result(timeout_seconds=60)
        with pytest.raises(ApiError) as refused:
            client.submit_url("http://10.0.0.1/a.jpg", thumb)
    assert failed.value.code == "source_not_found"
    assert (refused.value.status, refused.value.code) == (422, "egress_refused")
