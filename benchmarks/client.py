"""Closed-loop load: each client uploads, waits and downloads over one kept connection, again and again.

Plain HTTP/1.1 on uvloop costs about 30 µs a request, so that the client hardly competes with the server.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any, Protocol, cast

import uvloop
from machine import Watch
from workloads import WORKLOADS, Workload

HOST = "127.0.0.1"
WAIT_SECONDS = 30
FIRST_JOB_SECONDS = 60.0
ERROR_PAUSE_SECONDS = 0.05
LARGE_BUFFER = 1 << 30


class Connection(asyncio.Protocol):
    """One connection with one request at a time; understands Content-Length and chunked answers."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._reset()

    def _reset(self) -> None:
        self._buffer = bytearray()
        self._length = -1
        self._status = 0
        self._chunked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=LARGE_BUFFER)

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._length < 0 and not self._read_head():
            return
        if self._chunked:
            if self._buffer.endswith(b"0\r\n\r\n"):
                self._finish(_joined(self._buffer))
        elif len(self._buffer) >= self._length:
            self._finish(bytes(self._buffer))

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._buffer[:end]).lower()
        del self._buffer[: end + 4]
        self._status = int(head[9:12])
        at = head.find(b"content-length:")
        self._chunked = at < 0 and b"transfer-encoding: chunked" in head
        self._length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        return True

    def _finish(self, body: bytes) -> None:
        answer, status = self._answer, self._status
        self._answer = None
        self._reset()
        if answer and not answer.done():
            answer.set_result((status, body))

    async def request(self, head: bytes, body: bytes | None) -> tuple[int, bytes]:
        """Send, and wait for the whole answer: status and body."""
        if self.transport is None:
            raise ConnectionError("closed")
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.writelines([head, body] if body else [head])
        return await self._answer


def _joined(buffer: bytearray) -> bytes:
    out, at = bytearray(), 0
    while True:
        end = buffer.find(b"\r\n", at)
        size = int(buffer[at:end], 16)
        if not size:
            return bytes(out)
        out += buffer[end + 2 : end + 2 + size]
        at = end + 4 + size


class Http:
    """Requests over one connection that is opened anew where it broke."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection: Connection | None = None

    async def __call__(
        self, method: str, path: str, body: bytes | None = None, content_type: str = ""
    ) -> tuple[int, bytes]:
        if self.connection is None or self.connection.transport is None:
            _, self.connection = await asyncio.get_running_loop().create_connection(
                Connection, HOST, self.port
            )
        head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n"
        if body is not None:
            head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        return await self.connection.request(f"{head}\r\n".encode(), body)

    def close(self) -> None:
        """Drop the connection."""
        if self.connection and self.connection.transport:
            self.connection.transport.close()
        self.connection = None


class UnexpectedAnswerError(RuntimeError):
    """The server said something else than the protocol wants."""

    def __init__(self, what: str, status: int, body: bytes) -> None:
        super().__init__(f"{what}: {status} {body[:200]!r}")


class Adapter(Protocol):
    """How a service is asked for one job: upload, wait, download; raises UnexpectedAnswerError."""

    async def job(self, http: Http) -> Sequence[bytes]:
        """Do one whole job; its results' bytes."""


class PixelFlow:
    """One multipart upload, one long poll, one download per output."""

    def __init__(self, workload: Workload) -> None:
        self.outputs = [f"w{out.width}" for out in workload.outputs]
        boundary = "pixelflow-benchmark"
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.body = b"".join(
            [
                f'{part}pipeline"\r\nContent-Type: application/json\r\n\r\n{workload.pipeline}\r\n'.encode(),
                f'{part}file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'.encode(),
                workload.path.read_bytes(),
                f"\r\n--{boundary}--\r\n".encode(),
            ]
        )

    async def submit(self, http: Http) -> str:
        """Upload; the job's id."""
        status, body = await http("POST", "/v1/jobs", self.body, self.content_type)
        if status != 202:
            raise UnexpectedAnswerError("upload", status, body)
        return str(json.loads(body)["id"])

    async def finished(self, http: Http, job: str) -> dict[str, Any]:
        """Wait until the job is terminal; the job."""
        while True:
            status, body = await http("GET", f"/v1/jobs/{job}?wait={WAIT_SECONDS}")
            answer: dict[str, Any] = json.loads(body)
            if status != 200 or answer["status"] not in {"queued", "processing", "completed"}:
                raise UnexpectedAnswerError("job", status, body)
            if answer["status"] == "completed":
                return answer

    async def job(self, http: Http) -> Sequence[bytes]:
        job = await self.submit(http)
        await self.finished(http, job)
        return [await _image(http, f"/v1/jobs/{job}/outputs/{output}") for output in self.outputs]


class Peer:
    """The peers' contract: the raw picture up, one long poll, one download per output."""

    def __init__(self, workload: Workload) -> None:
        self.body = workload.path.read_bytes()
        self.path = f"/jobs?ops={workload.peer_query}"
        self.count = len(workload.outputs)

    async def job(self, http: Http) -> Sequence[bytes]:
        status, body = await http("POST", self.path, self.body, "image/jpeg")
        if status != 202:
            raise UnexpectedAnswerError("upload", status, body)
        job = json.loads(body)["id"]
        while True:
            status, body = await http("GET", f"/jobs/{job}?wait={WAIT_SECONDS}")
            answer = json.loads(body)
            if status != 200 or answer["status"] not in {"queued", "done"}:
                raise UnexpectedAnswerError("job", status, body)
            if answer["status"] == "done":
                break
        if len(answer["files"]) != self.count:
            raise UnexpectedAnswerError("outputs", status, body)
        return [await _image(http, f"/results/{file}") for file in answer["files"]]


ADAPTERS: dict[str, type[PixelFlow] | type[Peer]] = {"pixelflow": PixelFlow, "peer": Peer}


async def _image(http: Http, path: str) -> bytes:
    status, body = await http("GET", path)
    if status != 200 or not (body[:2] == b"\xff\xd8" or body[8:12] == b"WEBP"):
        raise UnexpectedAnswerError("download", status, body)
    return body


async def load(
    adapter: Adapter, port: int, roots: Sequence[int], *, clients: int, seconds: float, warmup_seconds: float
) -> dict[str, Any]:
    """Load a server for a while; jobs a second, latency, and what the trees of ``roots`` used meanwhile."""
    await asyncio.wait_for(adapter.job(Http(port)), FIRST_JOB_SECONDS)
    start = time.perf_counter() + warmup_seconds
    end = start + seconds
    latencies: list[float] = []
    errors: list[str] = []

    async def client() -> None:
        http = Http(port)
        while (began := time.perf_counter()) < end:
            try:
                await adapter.job(http)
            except (UnexpectedAnswerError, OSError, ValueError) as error:
                errors.append(repr(error))
                http.close()
                await asyncio.sleep(ERROR_PAUSE_SECONDS)
                continue
            if start <= (now := time.perf_counter()) < end:
                latencies.append(now - began)

    async def watch() -> Watch:
        await asyncio.sleep(start - time.perf_counter())
        with Watch(roots) as watch:
            await asyncio.sleep(end - time.perf_counter())
        return watch

    watched, *_ = await asyncio.gather(watch(), *(client() for _ in range(clients)))
    latencies.sort()
    return watched.result(len(latencies)) | {
        "jobs": len(latencies),
        "jobs_s": round(len(latencies) / seconds, 2),
        "p50_ms": quantile(latencies, 0.5),
        "p95_ms": quantile(latencies, 0.95),
        "errors": len(errors),
        "first_errors": errors[:2],
    }


def quantile(ascending: Sequence[float], part: float) -> float | None:
    """The value in milliseconds below which that part of the seconds lie."""
    return (
        round(1000 * ascending[min(len(ascending) - 1, int(part * len(ascending)))], 2) if ascending else None
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Load a running server and print one line of JSON.")
    parser.add_argument("port", type=int)
    parser.add_argument("workload", choices=list(WORKLOADS))
    parser.add_argument("--adapter", choices=list(ADAPTERS), default="pixelflow")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warmup", type=float, default=2)
    parser.add_argument(
        "--pids", type=int, nargs="*", default=[], help="the roots of the server's process trees"
    )
    chosen = parser.parse_args()
    print(
        json.dumps(
            uvloop.run(
                load(
                    ADAPTERS[chosen.adapter](WORKLOADS[chosen.workload]),
                    chosen.port,
                    chosen.pids,
                    clients=chosen.clients,
                    seconds=chosen.seconds,
                    warmup_seconds=chosen.warmup,
                )
            )
        )
    )
