"""Security requirements by their numbers, where no login is needed."""

import base64
import hashlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from harness.site import PIPELINE, Site, text
from pixelflow.control.signing import MAX_SECONDS, UrlSigner
from pixelflow.domain.errors import Forbidden
from pixelflow.domain.installed import readable
from pixelflow.domain.media import SNIFF_BYTES

OTHER = {"x-tenant": "other"}


def form(*parts: tuple[str, bytes], filename: str = "x") -> tuple[bytes, dict[str, str]]:
    body = b""
    for name, content in parts:
        body += (
            f'--B\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'.encode()
        )
        body += content + b"\r\n"
    return body + b"--B--\r\n", {"content-type": "multipart/form-data; boundary=B"}


def test_9_another_tenants_job_is_an_unknown_one(site: Site, jpeg: bytes, webp: bytes) -> None:
    theirs = site.done(jpeg, {"thumb": webp})
    asset = site.client.post("/v1/assets", content=jpeg).json()["id"]
    for method, path in (
        ("GET", "/v1/jobs/{}"),
        ("GET", "/v1/jobs/{}?wait=1"),
        ("GET", "/v1/jobs/{}/outputs"),
        ("GET", "/v1/jobs/{}/outputs/thumb"),
        ("GET", "/v1/jobs/{}/outputs.zip"),
        ("GET", "/v1/jobs/{}/events"),
        ("POST", "/v1/jobs/{}/start"),
        ("POST", "/v1/jobs/{}/cancel"),
        ("POST", "/v1/jobs/{}/retry"),
        ("DELETE", "/v1/jobs/{}"),
        ("GET", "/v1/status/{}"),
        ("GET", "/v1/download/{}"),
        ("GET", "/jobs/{}"),
        ("GET", "/jobs/{}/download"),
    ):
        real = site.client.request(method, path.format(theirs), headers=OTHER)
        none = site.client.request(method, path.format("0" * 36), headers=OTHER)
        assert (real.status_code, none.status_code) == (404, 404), path
        same = {"request_id": "", "job_id": ""}
        assert {**real.json(), **same} == {**none.json(), **same}, path
    assert site.client.get(f"/v1/assets/{asset}", headers=OTHER).status_code == 404
    assert site.client.delete(f"/v1/assets/{asset}", headers=OTHER).status_code == 404
    assert site.client.get("/v1/jobs", headers=OTHER).json()["items"] == []
    assert site.client.get(f"/v1/jobs/{theirs}").status_code == 200


def test_9_another_tenants_asset_is_no_watermark(site: Site, jpeg: bytes) -> None:
    asset = site.client.post("/v1/assets", content=jpeg).json()["id"]
    body = {"pipeline": [{"id": "w", "action": "watermark", "image": asset}]}
    assert site.client.post("/v1/jobs", json=body).status_code == 201
    answer = site.client.post("/v1/jobs", json=body, headers=OTHER)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_asset")


def test_9_another_tenants_upload_is_no_watermark(site: Site, jpeg: bytes) -> None:
    body, headers = form(("file", jpeg), ("pipeline", text(PIPELINE).encode()))
    job = site.client.post("/v1/jobs", content=body, headers=headers).json()["id"]
    mark = {"pipeline": [{"id": "w", "action": "watermark", "image": f"job:{job}"}]}
    assert site.client.post("/v1/jobs", json=mark).status_code == 201
    answer = site.client.post("/v1/jobs", json=mark, headers=OTHER)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_asset")
    assert answer.json()["errors"][0]["value"] == f"job:{job}"


def test_12_storage_keys_carry_the_tenant_and_are_the_servers(site: Site, jpeg: bytes) -> None:
    body, headers = form(("file", jpeg), ("pipeline", text(PIPELINE).encode()), filename="../../../evil.png")
    answer = site.client.post("/v1/jobs", content=body, headers={**headers, **OTHER})
    job = site.run(site.store.get("other", answer.json()["id"]))
    assert job is not None
    assert job.source.key is not None
    assert job.source.key.startswith(f"inputs/other/{job.id}/")
    assert "evil" not in job.source.key


def test_13_the_same_idempotency_key_of_two_tenants_are_two(site: Site) -> None:
    headers = {"idempotency-key": "shared"}
    ours = site.client.post("/v1/jobs", json={"pipeline": PIPELINE}, headers=headers)
    theirs = site.client.post(
        "/v1/jobs", json={"pipeline": PIPELINE, "priority": 1}, headers={**headers, **OTHER}
    )
    assert (ours.status_code, theirs.status_code) == (201, 201)
    assert ours.json()["id"] != theirs.json()["id"]


class Test15TheCapHoldsWhileStreaming:
    @pytest.mark.parametrize("chunked", [True, False])
    def test_a_form(self, site: Site, jpeg: bytes, chunked: bool) -> None:
        before = site.files()
        body, headers = form(("pipeline", text(PIPELINE).encode()), ("file", jpeg + bytes(2_000_000)))
        pieces = iter([body[start : start + 65536] for start in range(0, len(body), 65536)])
        answer = site.client.post("/v1/jobs", content=pieces if chunked else body, headers=headers)
        self.check(answer, 2_000_000)
        assert site.files() == before

    @pytest.mark.parametrize("chunked", [True, False])
    def test_a_signed_upload(self, site: Site, jpeg: bytes, chunked: bool) -> None:
        before = site.files()
        url = site.client.post("/v1/jobs", json={"pipeline": PIPELINE}).json()["upload"]["url"]
        body = jpeg + bytes(2_000_000)
        self.check(site.client.put(url, content=iter([body]) if chunked else body), 2_000_000)
        assert site.files() == before

    def test_base64_and_the_zero_config_route_with_a_cap_of_its_own(self, site: Site, jpeg: bytes) -> None:
        big = base64.b64encode(jpeg + bytes(1_000_000)).decode()
        answer = site.client.post(
            "/jobs", json={"image_data": big, "operation": "resize", "width": 1, "height": 1}
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert "MAX_UPLOAD_SIZE" in answer.json()["error"]
        native = {"source_type": "base64", "image_data": big, "pipeline": PIPELINE}
        assert site.client.post("/v1/jobs", json=native).status_code == 202
        native["image_data"] = base64.b64encode(jpeg + bytes(2_000_000)).decode()
        self.check(site.client.post("/v1/jobs", json=native), 2_000_000)

    def test_an_asset(self, site: Site, jpeg: bytes) -> None:
        self.check(site.client.post("/v1/assets", content=iter([jpeg, bytes(2_000_000)])), 2_000_000)

    @staticmethod
    def check(answer: httpx.Response, limit: int) -> None:
        assert answer.status_code == 413, answer.text
        found = answer.json()
        assert (found["code"], found["limit"], found["setting"]) == ("too_large", limit, "MAX_UPLOAD_SIZE")


class Test16TypeByContent:
    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
            (b"8BPS" + bytes(100), "psd"),
            (b"#!/bin/sh\n", None),
            (b"\xff\xd8", None),
            (b"", None),
        ],
    )
    @pytest.mark.parametrize("way", ["form", "put", "base64", "asset"])
    def test_what_is_not_allowed_is_named(
        self, site: Site, content: bytes, found: str | None, way: str
    ) -> None:
        before = site.files()
        if way == "form":
            body, headers = form(("file", content), ("pipeline", text(PIPELINE).encode()), filename="x.jpg")
            answer = site.client.post("/v1/jobs", content=body, headers=headers)
        elif way == "put":
            url = site.client.post("/v1/jobs", json={"pipeline": PIPELINE}).json()["upload"]["url"]
            answer = site.client.put(url, content=content, headers={"content-type": "image/jpeg"})
        elif way == "base64":
            given = base64.b64encode(content).decode()
            answer = site.client.post(
                "/v1/jobs", json={"source_type": "base64", "image_data": given, "pipeline": PIPELINE}
            )
        else:
            answer = site.client.post("/v1/assets", content=content)
        assert answer.status_code == 415, answer.text
        problem = answer.json()
        assert (problem["code"], problem["found"]) == ("unsupported_image", found)
        assert problem["allowed"] == sorted(readable())
        assert site.files() == before

    def test_before_the_rest_is_read(self, site: Site) -> None:
        """The answer comes although the announced body never does."""
        with socket.create_connection(("127.0.0.1", int(site.url.rpartition(":")[2])), 10) as line:
            head = (
                b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
                b"Content-Type: multipart/form-data; boundary=B\r\n\r\n"
                b'--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
            )
            line.sendall(head + b"8BPS".ljust(SNIFF_BYTES, b"\0") + bytes(64))
            assert line.recv(4096).startswith(b"HTTP/1.1 415")


@pytest.mark.parametrize(
    "name", ["../../x.png", "/etc/passwd", 'a"; x="b', "ü\r\nX-Evil: 1", "x" * 3000, "a\0b"]
)
def test_17_a_clients_file_name_goes_nowhere(site: Site, jpeg: bytes, webp: bytes, name: str) -> None:
    quoted = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    body, headers = form(("file", jpeg), ("pipeline", text(PIPELINE).encode()), filename=quoted)
    answer = site.client.post("/v1/jobs", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["id"]
    site.finish(site.claim(job_id).claim, {"thumb": webp})
    output = site.client.get(f"/v1/jobs/{job_id}/outputs/thumb")
    assert output.headers["content-disposition"] == 'inline; filename="thumb.webp"'
    assert "x-evil" not in output.headers
    assert not [path for path in site.folder.rglob("*") if "evil" in path.name or "passwd" in path.name]


class Test18Multipart:
    def test_few_parts(self, site: Site) -> None:
        body, headers = form(*((f"p{n}", b"x") for n in range(17)))
        answer = site.client.post("/v1/jobs", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "too_many_parts")

    def test_small_part_headers(self, site: Site) -> None:
        for extra in (b"X: " + b"y" * 5000, b"\r\n".join(b"X-%d: y" % n for n in range(20))):
            body = (
                b'--B\r\nContent-Disposition: form-data; name="file"\r\n' + extra + b"\r\n\r\nx\r\n--B--\r\n"
            )
            answer = site.client.post(
                "/v1/jobs", content=body, headers={"content-type": "multipart/form-data; boundary=B"}
            )
            assert (answer.status_code, answer.json()["code"]) == (400, "malformed_form")

    def test_small_fields(self, site: Site) -> None:
        body, headers = form(("pipeline", b"[" + b" " * 1_100_000 + b"]"))
        assert site.client.post("/v1/jobs", content=body, headers=headers).status_code == 413

    def test_no_doubles(self, site: Site, jpeg: bytes) -> None:
        before = site.files()
        body, headers = form(("file", jpeg), ("file", jpeg))
        answer = site.client.post("/v1/jobs", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "doubled_part")
        assert site.files() == before

    def test_small_request_headers(self, site: Site) -> None:
        answer = site.client.get("/healthz", headers={"x-big": "y" * 40_000})
        assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")


@pytest.mark.parametrize("way", ["form", "put"])
def test_20_a_slow_body_is_ended(make_site: Callable[..., Site], jpeg: bytes, way: str) -> None:
    site = make_site(slow_body_seconds=0.3)
    path, kind = "/v1/jobs", "multipart/form-data; boundary=B"
    if way == "put":
        url = urlsplit(site.client.post("/v1/jobs", json={"pipeline": PIPELINE}).json()["upload"]["url"])
        path, kind = f"{url.path}?{url.query}", "image/jpeg"
    head = f"{'PUT' if way == 'put' else 'POST'} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
    with socket.create_connection(("127.0.0.1", int(site.url.rpartition(":")[2])), 10) as line:
        line.sendall(head.encode() + b"Content-Length: 1000000\r\n\r\n")
        line.sendall(b'--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n' if way == "form" else b"")
        line.sendall(jpeg[:100])
        began = time.monotonic()
        answer = line.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408"), answer
    assert b"SLOW_BODY_SECONDS" in answer
    assert time.monotonic() - began < 5
    assert site.files() == []


def test_20_a_body_that_is_fast_enough_may_take_long(make_site: Callable[..., Site], jpeg: bytes) -> None:
    site = make_site(slow_body_seconds=0.4)
    picture = jpeg + bytes(400_000)
    body, headers = form(("file", picture), ("pipeline", text(PIPELINE).encode()))

    def steadily() -> Iterator[bytes]:
        for start in range(0, len(body), 2048):
            time.sleep(0.01)
            yield body[start : start + 2048]

    answer = site.client.post("/v1/jobs", content=steadily(), headers=headers)
    assert answer.status_code == 202, answer.text
    source = site.client.get(answer.json()["links"]["self"]).json()["source"]
    assert source["sha256"] == hashlib.sha256(picture).hexdigest()


def test_20_a_client_that_leaves_leaves_nothing(site: Site, jpeg: bytes) -> None:
    before = site.files()
    line = socket.create_connection(("127.0.0.1", int(site.url.rpartition(":")[2])), 10)
    line.sendall(
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nIdempotency-Key: gone\r\n"
        b"Content-Type: multipart/form-data; boundary=B\r\n\r\n"
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + jpeg
    )
    end = time.monotonic() + 10
    while ("local", "gone") not in site.services.jobs.running.keys:
        assert time.monotonic() < end
    line.close()
    while ("local", "gone") in site.services.jobs.running.keys:
        assert time.monotonic() < end
    assert site.files() == before


def test_28_served_images_cannot_run_as_pages(site: Site, jpeg: bytes, webp: bytes) -> None:
    job_id = site.done(jpeg, {"thumb": webp})
    for headers in ({}, {"range": "bytes=0-3"}, {"range": "bytes=99999999-"}):
        answer = site.client.get(f"/v1/jobs/{job_id}/outputs/thumb", headers=headers)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    for path in (f"/v1/jobs/{job_id}/outputs.zip", f"/v1/download/{job_id}", f"/jobs/{job_id}/download"):
        answer = site.client.get(path)
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_29_cors_is_off_and_no_trace_comes_out(site: Site, jpeg: bytes) -> None:
    origin = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for method, path in (
        ("OPTIONS", "/v1/jobs"),
        ("GET", "/v1/jobs"),
        ("GET", "/healthz"),
        ("OPTIONS", "/jobs"),
    ):
        answer = site.client.request(method, path, headers=origin)
        assert not [name for name in answer.headers if name.startswith("access-control")]

    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret-of-the-house")

    for path in ("/v1/jobs/x", "/v1/status/x", "/v1/jobs/x/outputs"):
        real = site.store.get
        site.store.get = broken
        try:
            answer = site.client.get(path)
        finally:
            site.store.get = real
        assert answer.status_code == 500
        assert answer.json()["code"] == "internal"
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
        assert "ZeroDivision" not in answer.text


class TestSignedUrls:
    def signer(self, now: float = 1000.0, **keys: str) -> UrlSigner:
        named = {name: secret.encode() for name, secret in (keys or {"k1": "one"}).items()}
        return UrlSigner(named, lambda: now)

    @staticmethod
    def verify(signer: UrlSigner, method: str, url: str) -> str:
        parts = urlsplit(url)
        return signer.verify(method, parts.path, parse_qsl(parts.query))

    def test_31_the_signature_covers_everything(self) -> None:
        signer = self.signer()
        url = signer.sign("PUT", "/v1/uploads/a", "acme", 60, {"b": "2", "a": "1"})
        assert self.verify(signer, "PUT", url) == "acme"
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        assert set(query) == {"a", "b", "expires", "key", "tenant", "signature"}
        with pytest.raises(Forbidden):
            self.verify(signer, "GET", url)
        with pytest.raises(Forbidden):
            self.verify(signer, "PUT", url.replace("uploads/a", "uploads/b"))
        for name in query:
            for value in (query[name] + "0", ""):
                with pytest.raises(Forbidden):
                    self.verify(signer, "PUT", f"{parts.path}?{urlencode({**query, name: value})}")
            rest = {other: value for other, value in query.items() if other != name}
            with pytest.raises(Forbidden):
                self.verify(signer, "PUT", f"{parts.path}?{urlencode(rest)}")
        with pytest.raises(Forbidden):
            self.verify(signer, "PUT", url + "&c=3")
        with pytest.raises(Forbidden):
            self.verify(signer, "PUT", url + "&tenant=other")
        shuffled = urlencode(list(query.items())[::-1])
        assert self.verify(signer, "PUT", f"{parts.path}?{shuffled}") == "acme"

    def test_31_fields_cannot_be_shifted_into_each_other(self) -> None:
        signer = self.signer()
        url = signer.sign("PUT", "/a", "t", 60, {"x": "1&tenant=u"})
        assert self.verify(signer, "PUT", url) == "t"
        with pytest.raises(Forbidden):
            self.verify(signer, "PUT", url.replace("%26", "&").replace("%3D", "="))

    def test_32_at_most_seven_days(self) -> None:
        signer = self.signer()
        signer.sign("PUT", "/a", "t", MAX_SECONDS)
        for seconds in (0, -1, MAX_SECONDS + 1):
            with pytest.raises(ValueError, match="seconds"):
                signer.sign("PUT", "/a", "t", seconds)
        from_the_future = self.signer(now=2000.0).sign("PUT", "/a", "t", MAX_SECONDS)
        with pytest.raises(Forbidden):
            self.verify(signer, "PUT", from_the_future)

    def test_32_it_expires(self) -> None:
        url = self.signer(now=1000.0).sign("PUT", "/a", "t", 60)
        assert self.verify(self.signer(now=1060.0), "PUT", url) == "t"
        with pytest.raises(Forbidden) as refused:
            self.verify(self.signer(now=1061.0), "PUT", url)
        assert refused.value.code == "signature_expired"

    def test_33_signatures_are_compared_in_constant_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import hmac

        compared: list[tuple[bytes, bytes]] = []
        real = hmac.compare_digest
        monkeypatch.setattr(hmac, "compare_digest", lambda a, b: bool(compared.append((a, b))) or real(a, b))
        signer = self.signer()
        url = signer.sign("PUT", "/a", "t", 60)
        self.verify(signer, "PUT", url)
        for broken in (url[:-1] + "x", url.replace("key=k1", "key=k9")):
            with pytest.raises(Forbidden):
                self.verify(signer, "PUT", broken)
        assert len(compared) == 3

    def test_34_two_keys_at_once(self) -> None:
        old = self.signer(k1="one").sign("PUT", "/a", "t", 60)
        both = self.signer(k2="two", k1="one")
        new = both.sign("PUT", "/a", "t", 60)
        assert "key=k2" in new
        assert self.verify(both, "PUT", old) == self.verify(both, "PUT", new) == "t"
        with pytest.raises(Forbidden):
            self.verify(self.signer(k2="two"), "PUT", old)

    def test_14_a_url_opens_one_path_only(self, site: Site, jpeg: bytes) -> None:
        mine, theirs = (
            site.client.post("/v1/jobs", json={"pipeline": PIPELINE}, headers=headers).json()
            for headers in ({}, OTHER)
        )
        query = urlsplit(mine["upload"]["url"]).query
        for target in (theirs["id"], "x"):
            answer = site.client.put(f"/v1/uploads/{target}?{query}", content=jpeg)
            assert (answer.status_code, answer.json()["code"]) == (403, "signature_invalid")
        assert (
            site.client.put(f"/v1/uploads/{mine['id']}", content=jpeg).json()["code"] == "signature_missing"
        )
        assert site.client.put(theirs["upload"]["url"], content=jpeg).status_code == 200


class Test48Json:
    def nested(self, depth: int) -> bytes:
        return b'{"pipeline": [], "metadata": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"

    @pytest.mark.parametrize("depth", [32, 200, 100_000])
    def test_depth(self, site: Site, depth: int) -> None:
        answer = site.client.post("/v1/jobs", content=self.nested(depth))
        assert (answer.status_code, answer.json()["code"]) == (400, "too_deep")
        assert answer.json()["limit"] == 32

    def test_a_depth_that_is_allowed(self, site: Site) -> None:
        assert site.client.post("/v1/jobs", content=self.nested(20)).status_code == 422

    @pytest.mark.parametrize("depth", [40, 100_000])
    def test_depth_in_a_forms_part(self, site: Site, jpeg: bytes, depth: int) -> None:
        before = site.files()
        for part in ("pipeline", "metadata"):
            body, headers = form(("file", jpeg), (part, b"[" * depth + b"]" * depth))
            answer = site.client.post("/v1/jobs", content=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (400, "too_deep")
        assert site.files() == before

    def test_size(self, site: Site, jpeg: bytes) -> None:
        padding = "x" * 1_100_000
        for body in (
            {"pipeline": PIPELINE, "metadata": {"a": padding}},
            {
                "source_type": "base64",
                "image_data": base64.b64encode(jpeg).decode(),
                "pipeline": PIPELINE,
                "metadata": {"a": padding},
            },
        ):
            assert site.client.post("/v1/jobs", json=body).status_code == 413


def test_whole_bodies_share_one_budget_of_memory(site: Site, jpeg: bytes) -> None:
    bodies = site.services.bodies
    body = {"source_type": "base64", "image_data": base64.b64encode(jpeg).decode(), "pipeline": PIPELINE}
    limit, bodies.limit = bodies.limit, 1000
    try:
        answer = site.client.post("/v1/jobs", json=body)
    finally:
        bodies.limit = limit
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert site.client.post("/v1/jobs", json=body).status_code == 202
    assert bodies.used == 0


def test_51_what_callers_send_cannot_forge_log_lines(
    site: Site, jpeg: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: object) -> None:
        raise OSError(5, "gone")

    real = site.store.get
    site.store.get = broken
    try:
        answer = site.client.get("/v1/jobs/x%0A%7B%22event%22%3A%22forged%22%7D")
    finally:
        site.store.get = real
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    lines = "".join(capsys.readouterr()).splitlines()
    assert not [line for line in lines if line.strip().startswith('{"event":"forged"')]


def test_refused_values_come_back_short(site: Site) -> None:
    answer = site.client.post("/v1/jobs", json={"pipeline": [{"id": "a", "action": "x" * 100_000}]})
    assert answer.status_code == 422
    assert len(json.dumps(answer.json()["errors"][0]["value"])) < 300
    assert len(answer.content) < 5000
