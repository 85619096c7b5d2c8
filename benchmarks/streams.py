"""Long polls and event streams that are open at once: the memory of each, and how late a job's end comes.

Rounds of one kind after the other; in each, all listen to a job that waits for its upload, which is then sent
and done. Lateness counts from the job's `finished_at`, which the server writes in the end's own transaction.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import cast

import uvloop
from connection import HOST, Http
from machine import pss_mb
from servers import pixelflow
from workloads import WORKLOADS, Workload

from client import quantile

KINDS: dict[str, Callable[[str], str]] = {
    "long poll": lambda job: f"/v1/jobs/{job}?wait=60",
    "events of a job": lambda job: f"/v1/jobs/{job}/events",
    "events of the tenant": lambda job: "/v1/events",
}
PIPELINE = [{"id": "small", "action": "thumbnail", "width": 64, "format": "jpeg"}]
PATIENCE_SECONDS = 30.0


class Listener(asyncio.Protocol):
    """A connection that only waits; ``opened`` with its first bytes, ``told`` when the end came."""

    def __init__(self, path: str, job: str) -> None:
        loop = asyncio.get_running_loop()
        self._request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        self._job = job.encode()
        self._got = b""
        self.opened: asyncio.Future[None] = loop.create_future()
        self.told: asyncio.Future[float] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            self.opened.set_result(None)
        *frames, self._got = (self._got + data).split(b"\n\n")
        ends = [frame for frame in (*frames, self._got) if self._job in frame and _ended(frame)]
        if ends and not self.told.done():
            self.told.set_result(time.time())


def _ended(frame: bytes) -> bool:
    return b"event: job.completed" in frame or (b"HTTP/1.1 200" in frame and b'"progress":100' in frame)


async def measured(kind: str, count: int, port: int, pid: int, workload: Workload) -> str:
    """A row of the table."""
    http = Http(port)
    status, answer = await http(
        "POST", "/v1/jobs", json.dumps({"source_type": "upload", "pipeline": PIPELINE}).encode(), JSON
    )
    assert status == 201, answer
    created = json.loads(answer)
    job = created["id"]
    before = pss_mb([pid])
    loop = asyncio.get_running_loop()
    listeners = []
    for _ in range(count):
        _, listener = await loop.create_connection(lambda: Listener(KINDS[kind](job), job), HOST, port)
        listeners.append(listener)
    if kind != "long poll":
        await asyncio.wait_for(asyncio.gather(*(each.opened for each in listeners)), PATIENCE_SECONDS)
    for _ in range(20):  # each has been taken up once others are answered after it
        await http("GET", "/healthz")
    held = 1000 * (pss_mb([pid]) - before) / count
    path = created["upload"]["url"].split(str(port), 1)[1]
    status, answer = await http("PUT", path, workload.path.read_bytes(), "image/jpeg")
    assert status < 300, answer
    await http("POST", f"/v1/jobs/{job}/start", b"")
    told = await asyncio.wait_for(asyncio.gather(*(each.told for each in listeners)), PATIENCE_SECONDS)
    _, answer = await http("GET", f"/v1/jobs/{job}")
    ended = datetime.fromisoformat(json.loads(answer)["finished_at"]).timestamp()
    for each in listeners:
        each.transport.close()
    http.close()
    late = sorted(moment - ended for moment in told)
    return f"| {kind} | {count} | {held:.0f} | {quantile(late, 0.5):.0f} | {1000 * late[-1]:.0f} |"


JSON = "application/json"


async def run(chosen: argparse.Namespace) -> None:
    with pixelflow() as server:
        for kind in KINDS:
            await measured(kind, 10, server.port, server.pids[0], WORKLOADS["small"])  # to warm up
            print(await measured(kind, chosen.count, server.port, server.pids[0], WORKLOADS["small"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="open at once, of each kind")
    chosen = parser.parse_args()
    print("| kind | open | KB each | told after ms, half | all |")
    print("|---|--:|--:|--:|--:|")
    uvloop.run(run(chosen))


if __name__ == "__main__":
    main()
