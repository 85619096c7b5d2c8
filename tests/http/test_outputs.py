"""Downloads: whole, in part, conditional, zipped."""

import hashlib
import zipfile
from io import BytesIO

import pytest

from harness.site import Site, text

TWO = [
    {"id": "thumb", "action": "resize", "width": 150, "format": "webp"},
    {"id": "second", "action": "grayscale", "format": "webp"},
]


@pytest.fixture(scope="module")
def output(site: Site, jpeg: bytes, webp: bytes) -> str:
    return f"/v1/jobs/{site.done(jpeg, {'thumb': webp})}/outputs/thumb"


def test_the_whole(site: Site, output: str, webp: bytes) -> None:
    answer = site.client.get(output)
    assert answer.status_code == 200
    assert answer.content == webp
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["content-length"] == str(len(webp))
    assert answer.headers["etag"] == f'"{hashlib.sha256(webp).hexdigest()}"'
    assert answer.headers["accept-ranges"] == "bytes"


def test_head_has_the_same_headers_and_no_body(site: Site, output: str, webp: bytes) -> None:
    head = site.client.head(output)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(webp))


@pytest.mark.parametrize(
    ("tag", "status"), [("{}", 304), ('"other", {}', 304), ("W/{}", 304), ("*", 304), ('"other"', 200)]
)
def test_a_known_version_is_not_sent_again(site: Site, output: str, tag: str, status: int) -> None:
    own = site.client.get(output).headers["etag"]
    answer = site.client.get(output, headers={"if-none-match": tag.format(own)})
    assert answer.status_code == status
    assert answer.headers["etag"] == own
    assert bool(answer.content) == (status == 200)


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=10-10", slice(10, 11)),
        ("bytes=5-", slice(5, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=100-99999999", slice(100, None)),
        ("bytes=-99999999", slice(0, None)),
    ],
)
def test_a_range(site: Site, output: str, webp: bytes, wanted: str, part: slice) -> None:
    answer = site.client.get(output, headers={"range": wanted})
    assert answer.status_code == 206
    assert answer.content == webp[part]
    first = part.indices(len(webp))[0]
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(webp)}"
    assert answer.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize(
    "wanted", ["bytes=1-2,5-6", "bytes=9-3", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=0-" + "9" * 5000]
)
def test_a_range_that_cannot_be_read_gives_the_whole(
    site: Site, output: str, webp: bytes, wanted: str
) -> None:
    answer = site.client.get(output, headers={"range": wanted})
    assert (answer.status_code, answer.content) == (200, webp)


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=-0"])
def test_a_range_behind_the_end_is_416(site: Site, output: str, webp: bytes, wanted: str) -> None:
    answer = site.client.get(output, headers={"range": wanted})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(webp)}")


def test_a_range_of_another_version_gives_the_whole(site: Site, output: str, webp: bytes) -> None:
    stale = site.client.get(output, headers={"range": "bytes=0-1", "if-range": '"other"'})
    assert (stale.status_code, stale.content) == (200, webp)
    own = site.client.get(output).headers["etag"]
    assert site.client.get(output, headers={"range": "bytes=0-1", "if-range": own}).status_code == 206


def test_what_is_not_ready_says_when_to_come_back(site: Site, jpeg: bytes) -> None:
    job_id = site.submit(jpeg)
    answer = site.client.get(f"/v1/jobs/{job_id}/outputs/thumb")
    assert (answer.status_code, answer.json()["code"]) == (409, "output_not_ready")
    assert answer.json()["state"] == "queued"
    assert int(answer.headers["retry-after"]) >= 1
    archive = site.client.get(f"/v1/jobs/{job_id}/outputs.zip")
    assert (archive.status_code, archive.headers["retry-after"]) == (409, answer.headers["retry-after"])
    assert site.client.get(f"/v1/jobs/{job_id}/outputs/other").status_code == 404


def test_a_step_that_does_not_exist_is_404(site: Site, output: str) -> None:
    assert site.client.get(output + "x").status_code == 404


def test_a_file_that_is_gone_is_no_broken_download(site: Site, jpeg: bytes, webp: bytes) -> None:
    job_id = site.done(jpeg, {"thumb": webp})
    for path in site.files():
        if job_id in path.name:
            path.unlink()
    answer = site.client.get(f"/v1/jobs/{job_id}/outputs/thumb")
    assert (answer.status_code, answer.json()["code"]) == (410, "output_gone")
    part = site.client.get(f"/v1/jobs/{job_id}/outputs/thumb", headers={"range": "bytes=0-1"})
    assert part.status_code == 410


def test_all_in_one_zip(site: Site, jpeg: bytes, webp: bytes) -> None:
    second = webp[:100] * 5000
    job_id = site.done(jpeg, {"thumb": webp, "second": second}, pipeline=text(TWO))
    answer = site.client.get(f"/v1/jobs/{job_id}/outputs.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{job_id}.zip"'
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["thumb.webp", "second.webp"]
        assert archive.read("thumb.webp") == webp
        assert archive.read("second.webp") == second
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    listed = site.client.get(f"/v1/jobs/{job_id}/outputs").json()
    assert [item["id"] for item in listed["items"]] == ["thumb", "second"]
