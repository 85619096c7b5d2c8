"""Which prefixes are opened to whom, and S3 as it is spoken."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.elsewhere import Asked, Elsewhere, Reply, elsewhere
from harness.extras import needs
from pixelflow.adapters.buckets import open_buckets
from pixelflow.adapters.buckets.prefixes import opened, read_prefix
from pixelflow.domain.errors import EgressRefused, StartupError
from pixelflow.ports.buckets import Access

s3_only = needs("s3")


@pytest.mark.parametrize(
    "prefix",
    [
        "s3://",
        "s3:///a",
        "s3://me:secret@bucket",
        "http://bucket/a",
        "bucket/a",
        "file://",
        "file:///",
        "file://host/a",
        "file:///a/../b",
        pytest.param("file:///a?mode=secret", marks=s3_only),
        "s3://b?access=secret",
        pytest.param("s3://b?nothing=secret", marks=s3_only),
    ],
)
def test_a_prefix_that_is_none_stops_the_start(prefix: str) -> None:
    with pytest.raises(StartupError, match="STORAGE_ALLOW") as caught:
        open_buckets([prefix], 5, 5)
    assert "secret" not in str(caught.value)


def test_a_prefix_of_another_scheme_is_told_the_schemes_that_there_are() -> None:
    with pytest.raises(StartupError, match=r"STORAGE_ALLOW has .* begin with s3://, gs://, az://, file://$"):
        open_buckets(["https://bucket/a"], 5, 5)


@pytest.mark.parametrize(
    ("url", "access", "tenant", "good"),
    [
        ("s3://one/a/x.png", "read", "t1", True),
        ("s3://one/a/x.png", "write", "t1", False),
        ("s3://one/b/x.png", "read", "t1", False),
        ("s3://two/any/thing.png", "write", "t1", True),
        ("gs://two/any/thing.png", "write", "t1", False),
        ("s3://three/t1/in/x.png", "read", "t1", True),
        ("s3://three/t1/in/x.png", "read", "t2", False),
        ("s3://three/{tenant}/in/x.png", "read", "t1", False),
    ],
)
def test_what_a_prefix_opens(url: str, access: Access, tenant: str, good: bool) -> None:
    prefixes = [
        read_prefix(text)
        for text in ("s3://one/a/?access=read", "s3://two", "s3://three/{tenant}/in?region=x")
    ]
    if good:
        assert opened(prefixes, tenant, url, access)[0] in prefixes
    else:
        with pytest.raises(EgressRefused, match="STORAGE_ALLOW"):
            opened(prefixes, tenant, url, access)


def test_options_are_not_shown() -> None:
    assert "hidden" not in repr(read_prefix("s3://b?secret_access_key=hidden"))


async def test_a_link_does_not_lead_out_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    buckets = open_buckets([f"file://{tmp_path}/in"], 5, 5)
    for access in ("read", "write"):
        with pytest.raises(EgressRefused):
            buckets.check("local", f"file://{tmp_path}/in/link/x.png", access)


def test_without_the_extra_its_name_is_told(tmp_path: Path) -> None:
    code = f"""
import sys
from pixelflow.domain import media
media.EXTRAS["s3"] = "a_module_that_nobody_has"
from pixelflow.adapters.buckets import open_buckets
from pixelflow.domain.errors import EgressRefused
buckets = open_buckets(["file://{tmp_path}"], 5, 5)
for url in ("file://{tmp_path}/a.png", "s3://other/a.png"):
    try:
        buckets.check("local", url, "read")
    except EgressRefused as error:
        print(error.extra.get("extra"), error.extra.get("setting"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["s3", "None", "None", "STORAGE_ALLOW"]


def test_the_extra_is_imported_only_when_a_prefix_asks(tmp_path: Path) -> None:
    code = (
        "import sys; from pixelflow.adapters.buckets import open_buckets; open_buckets([], 5, 5);"
        "print('obstore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


class Bucket:
    """As much of S3 as one object needs."""

    def __init__(self, there: Elsewhere) -> None:
        self.objects: dict[str, bytes] = {}
        self.failing = 0
        for path in ("/pics/in/a%20b.png", "/pics/out/b.webp", "/pics/in/denied.png"):
            there.routes[path] = self.answer

    def answer(self, asked: Asked) -> Reply:
        if self.failing:
            self.failing -= 1
            return Reply(503, b"<Error><Code>SlowDown</Code></Error>")
        if "denied" in asked.path:
            return Reply(403, b"<Error><Code>AccessDenied</Code><Message>theirs</Message></Error>")
        assert asked.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/")
        if asked.method == "PUT":
            self.objects[asked.path] = asked.body
            return Reply(200, headers={"ETag": '"1"'})
        stamp = {"ETag": '"1"', "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT"}
        return Reply(200, self.objects[asked.path], stamp) if asked.path in self.objects else Reply(404)


@s3_only
async def test_s3_is_spoken_to_a_service_of_ones_own() -> None:
    with elsewhere() as there:
        bucket = Bucket(there)
        options = f"endpoint={there.url}&region=x&access_key_id=key&secret_access_key=hidden"
        buckets = open_buckets([f"s3://pics?{options}"], 2, 5)
        bucket.objects["/pics/in/a%20b.png"] = b"pixels"
        async with buckets.read("local", "s3://pics/in/a b.png") as chunks:
            assert b"".join([chunk async for chunk in chunks]) == b"pixels"

        async def one() -> AsyncIterator[bytes]:
            yield b"output"

        bucket.failing = 1
        await buckets.write("local", "s3://pics/out/b.webp", one(), 6, "image/webp")
        assert bucket.objects["/pics/out/b.webp"] == b"output"
        put = there.asked[-1]
        assert (put.method, put.headers["content-type"]) == ("PUT", "image/webp")
        with pytest.raises(PermissionError, match="s3://pics does not allow it") as caught:
            async with buckets.read("local", "s3://pics/in/denied.png"):
                pass
        assert "theirs" not in str(caught.value)
        bucket.failing = 1000
        with pytest.raises(OSError, match="s3://pics cannot answer"):
            async with buckets.read("local", "s3://pics/in/a b.png"):
                pass
