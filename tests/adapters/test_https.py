"""TLS goes to the checked address, and still asks for the name."""

import ssl
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import pytest

from harness.elsewhere import Reply, elsewhere
from pixelflow.adapters.egress.http import HttpEgress
from pixelflow.adapters.egress.rules import Rules

CERTIFICATE = Path(__file__).with_name("pictures.example.pem")
"""Of pictures.example, by itself, with its key."""


async def here(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


async def test_the_name_is_asked_for_and_verified_at_the_checked_address() -> None:
    names: list[str | None] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATE)
    server.sni_callback = lambda _, name, __: names.append(name)
    trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
    rules = Rules([ip_network("127.0.0.0/8")], plain_http=False)
    with elsewhere(server) as there:
        there.routes["/"] = Reply(200, b"sealed")
        known, strange = HttpEgress(rules, resolve=here, tls=trusting), HttpEgress(rules, resolve=here)
        async with known.fetch(there.named("pictures.example") + "/", {}, timeout_seconds=10) as answer:
            assert b"".join([chunk async for chunk in answer.chunks]) == b"sealed"
        for egress, host in ((known, "others.example"), (strange, "pictures.example")):
            with pytest.raises(ConnectionError, match=host):
                await egress.send(
                    "POST", there.named(host) + "/", {}, b"", timeout_seconds=10, max_answer_bytes=9
                )
        await known.close()
        await strange.close()
    assert names[:2] == ["pictures.example", "others.example"]
    assert [asked.headers["host"] for asked in there.asked] == [f"pictures.example:{there.port}"]
