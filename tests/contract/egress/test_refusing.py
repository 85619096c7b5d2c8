"""Where the server does not go."""

import asyncio

import pytest

from harness.elsewhere import Elsewhere, Reply
from harness.names import Make, Names
from pixelflow.domain.errors import EgressRefused
from pixelflow.ports.egress import Egress

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "192.88.99.1",
    "::1", "::", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1", "3fff::1", "5f00::1", "::127.0.0.1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2001:0:808:808::f5ff:fffe", "2001:0:7f00:1::f7f7:f7f7",
    "100::1", "fec0::1", "fe80::1%lo",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::808:808",
]  # fmt: skip
BAD_URLS = [
    "", "pictures.example/a.png", "//pictures.example/", "ftp://pictures.example/", "file:///etc/passwd",
    "gopher://pictures.example/", "http://", "http:///a", "http://me@pictures.example/",
    "http://me:secret@pictures.example/", "http://pictures.example:0/", "http://pictures.example:99999/",
    "http://pictures.example:x/", "http://[::1",
    "http://pictures.example/\r\nX: y", "http://pictures example/",
    "http://pictures.example/\x00", "javascript:alert(1)", "http://" + "a" * 3000,
]  # fmt: skip


async def refused(egress: Egress, url: str) -> EgressRefused:
    """What checking, fetching and sending all say."""
    found = []
    for call in (
        egress.check(url),
        egress.send("POST", url, {}, b"", timeout_seconds=5, max_answer_bytes=1),
        _fetch(egress, url),
    ):
        with pytest.raises(EgressRefused) as caught:
            await call
        found.append(caught.value)
    assert len({error.detail for error in found}) == 1
    return found[0]


async def _fetch(egress: Egress, url: str) -> None:
    async with egress.fetch(url, {}, timeout_seconds=5):
        pass


@pytest.mark.parametrize("address", PRIVATE)
async def test_22_no_address_that_is_not_global(make: Make, names: Names, address: str) -> None:
    names.answers["inside.example"] = [[address]]
    error = await refused(make(allow=()), "https://inside.example/")
    assert error.extra["setting"] == "EGRESS_ALLOW"
    assert address not in error.detail


@pytest.mark.parametrize("address", PUBLIC)
async def test_global_addresses_are_fine(make: Make, names: Names, address: str) -> None:
    names.answers["outside.example"] = [[address]]
    egress = make(allow=())
    await egress.check("https://outside.example/")
    await egress.check("http://outside.example/")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"])
async def test_22_no_literal_address_either(make: Make, host: str) -> None:
    await refused(make(allow=()), f"http://{host}/")


async def test_one_bad_address_among_good_ones_is_enough(make: Make, names: Names) -> None:
    names.answers["mixed.example"] = [["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "1.0.0.1", "10.0.0.1"]]
    await refused(make(allow=()), "https://mixed.example/")


async def test_23_a_name_that_changes_its_address_after_the_check_gains_nothing(
    make: Make, names: Names, there: Elsewhere
) -> None:
    there.routes["/"] = Reply(200, b"a secret of this machine")
    egress = make(allow=())
    for call in ("send", "fetch"):
        names.answers["rebinding.example"] = [["8.8.8.8"], ["127.0.0.1"]]
        url = there.named("rebinding.example") + "/"
        with pytest.raises(EgressRefused, match="EGRESS_PORTS"):
            await egress.check(url)
        names.answers["rebinding.example"] = [["8.8.8.8"], ["127.0.0.1"]]
        await egress.check("http://rebinding.example/")
        with pytest.raises(EgressRefused, match="EGRESS_ALLOW"):
            await (
                _fetch(egress, url)
                if call == "fetch"
                else egress.send("POST", url, {}, b"", timeout_seconds=5, max_answer_bytes=1)
            )
    assert there.asked == []


async def test_a_name_is_resolved_once_for_a_connection(make: Make, names: Names, there: Elsewhere) -> None:
    there.routes["/"] = Reply(200, b"")
    names.answers["once.example"] = [["127.0.0.1"], ["10.0.0.1"]]
    await _fetch(make(), there.named("once.example") + "/")
    assert names.asked == ["once.example"]
    assert len(there.asked) == 1


async def test_21_only_the_usual_ports_unless_opened(make: Make, names: Names) -> None:
    names.answers["outside.example"] = [["8.8.8.8"]]
    error = await refused(make(), "https://outside.example:8443/")
    assert (error.extra["setting"], error.extra["value"]) == ("EGRESS_PORTS", 8443)


async def test_38_plain_http_only_where_it_is_opened(make: Make, names: Names, there: Elsewhere) -> None:
    names.answers["outside.example"] = [["8.8.8.8"]]
    egress = make(plain_http=False)
    error = await refused(egress, "http://outside.example/")
    assert error.extra["setting"] == "EGRESS_ALLOW"
    await egress.check("https://outside.example/")
    there.routes["/"] = Reply(200, b"")
    await _fetch(egress, there.named("pictures.example") + "/")
    assert len(there.asked) == 1


async def test_an_opened_network_is_opened_in_its_mapped_form_too(make: Make) -> None:
    egress = make(allow=["10.0.0.0/8"])
    await egress.check("http://10.0.0.1:9000/")
    await egress.check("http://[::ffff:10.0.0.1]:9000/")
    await refused(egress, "http://[::ffff:11.0.0.1]:9000/")


@pytest.mark.parametrize("url", BAD_URLS)
async def test_21_no_url_of_another_kind(make: Make, url: str) -> None:
    error = await refused(make(), url)
    assert "secret" not in error.detail


async def test_a_name_that_does_not_resolve_passes_the_check(make: Make) -> None:
    await make().check("https://not-yet.example/")


async def test_a_resolver_that_hangs_is_left(make: Make, names: Names) -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    egress = make(resolve=never)
    with pytest.raises(TimeoutError, match="was not resolved"):
        await _fetch(egress, "https://hanging.example/")
