"""What comes from another machine, and what is broken off."""

import pytest

from harness.elsewhere import Elsewhere, Reply
from harness.names import Make, Names
from pixelflow.domain.errors import EgressRefused
from pixelflow.ports.egress import Egress, Fetched

SECRET = {"Authorization": "Bearer secret"}


async def fetched(egress: Egress, url: str, seconds: float = 10, **headers: str) -> tuple[Fetched, bytes]:
    async with egress.fetch(url, headers, timeout_seconds=seconds) as answer:
        return answer, b"".join([chunk async for chunk in answer.chunks])


async def test_23_a_picture_is_fetched_by_name_from_the_address_that_was_checked(
    make: Make, there: Elsewhere, names: Names
) -> None:
    there.routes["/a b.png"] = there.routes["/a%20b.png"] = Reply(200, b"pixels", {"X-Kind": "png"})
    answer, body = await fetched(make(), there.named("pictures.example") + "/a%20b.png?size=1#part", **SECRET)
    assert (answer.status, answer.headers["x-kind"], body) == (200, "png", b"pixels")
    (asked,) = there.asked
    assert asked.path == "/a%20b.png?size=1"
    assert asked.headers["host"] == f"pictures.example:{there.port}"
    assert asked.headers["authorization"] == "Bearer secret"
    assert asked.headers["accept-encoding"] == "identity"
    assert "cookie" not in asked.headers
    assert names.asked == ["pictures.example"]


async def test_25_a_proxy_of_the_environment_is_not_used(
    make: Make, there: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    there.routes["/"] = Reply(200, b"direct")
    assert (await fetched(make(), there.url + "/"))[1] == b"direct"


async def test_an_error_status_is_an_answer(make: Make, there: Elsewhere) -> None:
    answer, _ = await fetched(make(), there.url + "/nothing")
    assert answer.status == 404


async def test_24_redirects_are_followed_as_far_as_allowed(make: Make, there: Elsewhere) -> None:
    for hop in range(3):
        there.routes[f"/{hop}"] = Reply(302, headers={"Location": f"/{hop + 1}"})
    there.routes["/3"] = Reply(200, b"arrived")
    assert (await fetched(make(redirects=3), there.url + "/0"))[1] == b"arrived"
    for allowed in (0, 2):
        with pytest.raises(EgressRefused, match="FETCH_REDIRECTS"):
            await fetched(make(redirects=allowed), there.url + "/0")


async def test_headers_stay_with_the_host_that_they_were_meant_for(make: Make, there: Elsewhere) -> None:
    there.routes["/here"] = Reply(301, headers={"Location": "/still-here"})
    there.routes["/still-here"] = Reply(307, headers={"Location": there.named("others.example") + "/there"})
    there.routes["/there"] = Reply(302, headers={"Location": there.named("pictures.example") + "/back"})
    there.routes["/back"] = Reply(200, b"x")
    await fetched(make(redirects=3), there.named("pictures.example") + "/here", **SECRET)
    assert [asked.headers.get("authorization") for asked in there.asked] == ["Bearer secret"] * 2 + [None] * 2


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/",
        "http://inside.example/",
        "file:///etc/passwd",
        "http://me:pw@pictures.example/",
        "http://[",
    ],
)
async def test_24_a_redirect_is_checked_like_the_first_url(
    make: Make, there: Elsewhere, names: Names, location: str
) -> None:
    names.answers["inside.example"] = [["192.168.1.1"]]
    there.routes["/"] = Reply(302, headers={"Location": location})
    with pytest.raises(EgressRefused):
        await fetched(make(redirects=3), there.url + "/")


async def test_26_whoever_is_too_slow_is_left(make: Make, there: Elsewhere) -> None:
    there.routes["/"] = Reply(200, b"x" * 1000, stall=500)
    with pytest.raises(TimeoutError, match=r"within 0\.3 s"):
        await fetched(make(), there.url + "/", seconds=0.3)


@pytest.mark.parametrize("received", [0, 500])
async def test_a_connection_that_breaks_is_an_error_of_the_system(
    make: Make, there: Elsewhere, received: int
) -> None:
    there.routes["/"] = Reply(200, b"x" * 1_000_000, reset=received)
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1 broke off"):
        await fetched(make(), there.url + "/?token=secret")


async def test_nobody_at_home_is_an_error_of_the_system(make: Make, names: Names, there: Elsewhere) -> None:
    egress = make()
    there.over.set()
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        await fetched(egress, "http://127.0.0.1:1/")
    with pytest.raises(OSError, match=r"nowhere\.example does not resolve"):
        await fetched(egress, "http://nowhere.example/")


async def test_what_the_reader_raises_goes_through(make: Make, there: Elsewhere) -> None:
    there.routes["/"] = Reply(200, b"x" * 100_000)

    async def reader() -> None:
        async with make().fetch(there.url + "/", {}, timeout_seconds=10):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await reader()
