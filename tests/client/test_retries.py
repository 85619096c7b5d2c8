"""What is sent again, how often, after how long, and that nothing is created twice."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.faulty_line import FaultyLine, half, lost
from harness.server import RunningServer, free_port
from pixelflow.client import ApiError, AsyncClient, Client, DamagedDownload, Unreachable

Steps = list[dict[str, Any]]
OVERLOADED = {
    "type": "about:blank",
    "title": "Busy",
    "status": 503,
    "code": "queue_full",
    "detail": "no room",
}


class Overloaded(BaseHTTPRequestHandler):
    """Answers what it is told to, then well."""

    answers: list[tuple[int, dict[str, str]]]
    times: list[float]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.times.append(time.monotonic())
        status, headers = self.answers.pop(0) if self.answers else (200, {})
        body = json.dumps({"operations": []} if status == 200 else OVERLOADED | {"status": status}).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def overloaded(*answers: tuple[int, dict[str, str]]) -> Iterator[tuple[str, list[float]]]:
    """A server that gives these answers first; its URL and when it was asked."""

    class Handler(Overloaded): ...

    Handler.answers, Handler.times = list(answers), []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", Handler.times
        finally:
            server.shutdown()
            thread.join()


def jobs_marked(server: RunningServer, mark: str) -> list[str]:
    with Client(server.url) as client:
        return [handle.id for handle in client.jobs() if handle.job.metadata.get("mark") == mark]


@pytest.mark.parametrize("how", ["bytes", "file"])
def test_an_answer_that_is_lost_makes_no_second_job(
    server: RunningServer, picture: bytes, thumb: Steps, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(picture)
    with (
        FaultyLine(server.port, [lost, lost, half]) as line,
        Client(line.url, backoff_seconds=0.01) as client,
    ):
        handle = client.submit(picture if how == "bytes" else path, thumb, metadata={"mark": f"lost {how}"})
        assert line.requests == [b"POST /v1/jobs HTTP/1.1"] * 4
        assert handle.result(timeout_seconds=60)["thumb"].width == 120
    assert jobs_marked(server, f"lost {how}") == [handle.id]


async def test_the_async_client_makes_no_second_job_either(
    server: RunningServer, picture: bytes, thumb: Steps
) -> None:
    with FaultyLine(server.port, [lost, half]) as line:
        async with AsyncClient(line.url, backoff_seconds=0.01) as client:
            handle = await client.submit(picture, thumb, metadata={"mark": "async"})
            await handle.result(timeout_seconds=60)
    assert jobs_marked(server, "async") == [handle.id]


def test_without_a_key_there_would_be_a_second_job(
    server: RunningServer, picture: bytes, thumb: Steps
) -> None:
    form = {"pipeline": json.dumps(thumb), "metadata": json.dumps({"mark": "control"})}
    with FaultyLine(server.port, [lost]) as line, httpx.Client(base_url=line.url) as plain:
        with pytest.raises(httpx.TransportError):
            plain.post("/v1/jobs", data=form, files={"file": picture})
        plain.post("/v1/jobs", data=form, files={"file": picture}).raise_for_status()
    assert len(jobs_marked(server, "control")) == 2


def test_a_key_of_the_callers_own_holds_across_clients(
    server: RunningServer, picture: bytes, thumb: Steps
) -> None:
    made = set()
    for _ in range(2):
        with Client(server.url) as client:
            made.add(client.submit(picture, thumb, idempotency_key="nightly-run-7").id)
    assert len(made) == 1


def test_a_key_whose_first_request_still_runs_is_waited_for(
    server: RunningServer, picture: bytes, thumb: Steps
) -> None:
    begun = (
        b"POST /v1/jobs HTTP/1.1\r\nHost: here\r\nIdempotency-Key: slow-uplink\r\nContent-Length: 100000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\nExpect: 100-continue\r\n\r\n"
    )
    first = socket.create_connection(("127.0.0.1", server.port))
    first.sendall(begun)
    assert first.recv(1000).startswith(b"HTTP/1.1 100 "), "the server waits for the body"

    def hang_up(answer: bytes) -> bytes:
        refusals.append(answer)
        first.close()
        return answer

    refusals: list[bytes] = []
    with FaultyLine(server.port, [hang_up]) as line, Client(line.url) as client:
        handle = client.submit(picture, thumb, idempotency_key="slow-uplink")
        assert handle.result(timeout_seconds=60).job.status == "completed"
    assert b" 409 " in refusals[0].split(b"\r\n", 1)[0]
    assert b"idempotency_running" in refusals[0]


def test_a_download_that_breaks_off_is_fetched_again(
    server: RunningServer, picture: bytes, tmp_path: Path
) -> None:
    steps = [{"id": "big", "action": "resize", "width": 900, "enlarge": True, "format": "png"}]
    with (
        FaultyLine(server.port, [half, half], only=b"/outputs/") as line,
        Client(line.url, backoff_seconds=0.01) as client,
    ):
        result = client.submit(picture, steps).result(timeout_seconds=60)
        path = result["big"].save(tmp_path / "big.png")
        assert sum(b"/outputs/" in request for request in line.requests) == 3
        assert path.stat().st_size == result["big"].size
    assert [each.name for each in tmp_path.iterdir()] == ["big.png"]


def test_a_download_with_other_bytes_is_refused(
    server: RunningServer, picture: bytes, thumb: Steps, tmp_path: Path
) -> None:
    def flipped(answer: bytes) -> bytes:
        return answer[:-1] + bytes([answer[-1] ^ 1])

    with FaultyLine(server.port, [flipped], only=b"/outputs/") as line, Client(line.url) as client:
        result = client.submit(picture, thumb).result(timeout_seconds=60)
        with pytest.raises(DamagedDownload, match="'thumb'"):
            result["thumb"].save(tmp_path / "thumb.webp")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["cancel", "delete"])
def test_what_the_lost_call_did_is_no_error(
    server: RunningServer, picture: bytes, thumb: Steps, call: str
) -> None:
    with Client(server.url) as client:
        job_id = client.submit(picture, thumb).id
        if call == "delete":
            client.job(job_id).result(timeout_seconds=60)
    with (
        FaultyLine(server.port, [lost], only=b"/cancel" if call == "cancel" else b"DELETE") as line,
        Client(line.url, backoff_seconds=0.01) as again,
    ):
        getattr(again.job(job_id), call)()


def test_nobody_there_is_said_after_as_many_tries_as_allowed() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    words = f"no answer from {url} in 3 tries: .*refused"
    with (
        Client(url, tries=3, backoff_seconds=0.01) as client,
        pytest.raises(Unreachable, match=words) as raised,
    ):
        client.version()
    assert raised.value.tries == 3


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_is_busy_is_asked_again(status: int) -> None:
    with overloaded((status, {}), (status, {})) as (url, times), Client(url, backoff_seconds=0.01) as client:
        assert client.operations() == []
        assert len(times) == 3


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for(form: str) -> None:
    at = datetime.now(UTC) + timedelta(seconds=2)
    value = "1" if form == "seconds" else format_datetime(at, usegmt=True)
    with overloaded((503, {"Retry-After": value})) as (url, times), Client(url, backoff_seconds=0) as client:
        client.operations()
    assert len(times) == 2
    if form == "seconds":
        assert times[1] - times[0] >= 1
    else:
        assert datetime.now(UTC) >= at.replace(microsecond=0)


def test_a_wait_that_is_too_long_is_an_error_at_once() -> None:
    with (
        overloaded((503, {"Retry-After": "3600"})) as (url, times),
        Client(url, max_backoff_seconds=5) as client,
        pytest.raises(ApiError) as raised,
    ):
        client.operations()
    assert (raised.value.status, raised.value.code, raised.value.retry_after) == (503, "queue_full", 3600)
    assert len(times) == 1


def test_tries_are_bounded_and_other_refusals_are_final() -> None:
    with overloaded(*[(503, {})] * 9) as (url, times), Client(url, tries=4, backoff_seconds=0.001) as client:
        with pytest.raises(ApiError):
            client.operations()
        assert len(times) == 4
    for status in (400, 404, 409, 422, 500):
        with overloaded((status, {})) as (url, times), Client(url) as client:
            with pytest.raises(ApiError):
                client.operations()
            assert len(times) == 1
