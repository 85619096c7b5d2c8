"""Thousands of uploads as fast as they come: how long they take, and whether memory stays flat.

Then every job is read again: each must be completed at its first attempt, with an output that is an image.
"""

import argparse
import asyncio
import json
import statistics
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Self

import uvloop
from connection import Http
from machine import pss_mb, rss_mb, tree
from servers import Server, pixelflow
from workloads import WORKLOADS

from adapters import PixelFlow, UnexpectedAnswerError

SAMPLE_SECONDS = 0.25
POLL_SECONDS = 0.1
WARM_UP_PART = 0.1
FIFTHS = 5


class Memory(threading.Thread):
    """Samples the memory of the server's whole process tree in MB."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.samples: list[tuple[float, float, float]] = []  # when, RSS, PSS
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(SAMPLE_SECONDS):
            pids = tree(self.server.pids)
            self.samples.append((time.perf_counter(), rss_mb(pids), pss_mb(pids)))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join()

    def summary(self, since: float) -> dict[str, Any]:
        """Highest in MB, highest over lowest since that moment, and how it went: the median of each fifth."""
        found: dict[str, Any] = {}
        for name, column in (("rss", 1), ("pss", 2)):
            values = [sample[column] for sample in self.samples if sample[0] >= since]
            parts = [
                values[len(values) * n // FIFTHS : len(values) * (n + 1) // FIFTHS] for n in range(FIFTHS)
            ]
            found[f"{name}_mb"] = round(max(values))
            found[f"{name}_max_over_min"] = round(max(values) / min(values), 2)
            found[f"{name}_mb_by_fifths"] = [round(statistics.median(part)) for part in parts if part]
        return found


async def each(
    items: Iterator[Any], connections: int, port: int, act: Callable[[Http, Any], Awaitable[None]]
) -> None:
    """Act on all items over so many connections."""

    async def one() -> None:
        http = Http(port)
        for item in items:
            await act(http, item)
        http.close()

    await asyncio.gather(*(one() for _ in range(connections)))


async def drained(http: Http) -> None:
    """Wait until no job is queued or processing."""
    for state in ("queued", "processing"):
        while True:
            status, body = await http("GET", f"/v1/jobs?status={state}&limit=1")
            if status != 200:
                raise UnexpectedAnswerError("list", status, body)
            if not json.loads(body)["items"]:
                break
            await asyncio.sleep(POLL_SECONDS)


async def burst(server: Server, jobs: int, connections: int) -> dict[str, Any]:
    """Upload, drain, audit; the numbers."""
    adapter = PixelFlow(WORKLOADS["small"])
    ids: list[str] = []
    warm: list[float] = []
    wrong: list[str] = []

    async def upload(http: Http, _: int) -> None:
        ids.append(await adapter.submit(http))
        if len(ids) == int(jobs * WARM_UP_PART):
            warm.append(time.perf_counter())

    async def audit(http: Http, job: str) -> None:
        answer = await adapter.finished(http, job)
        status, image = await http("GET", f"/v1/jobs/{job}/outputs/{adapter.outputs[0]}")
        if answer["attempt"] != 1 or status != 200 or image[:2] != b"\xff\xd8":
            wrong.append(f"{job}: attempt {answer['attempt']}, output {status}")

    start = time.perf_counter()
    with Memory(server) as memory:
        await each(iter(range(jobs)), connections, server.port, upload)
        accepted = time.perf_counter()
        await drained(Http(server.port))
        done = time.perf_counter()
    await each(iter(ids), connections, server.port, audit)
    return {
        "jobs": jobs,
        "different_ids": len(set(ids)),
        "wrong": wrong[:5],
        "uploads_s": round(jobs / (accepted - start), 1),
        "upload_seconds": round(accepted - start, 2),
        "drained_after_seconds": round(done - accepted, 2),
        "jobs_s": round(jobs / (done - start), 1),
        **memory.summary(warm[0]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=32)
    chosen = parser.parse_args()
    with pixelflow() as server:
        try:
            result = uvloop.run(burst(server, chosen.jobs, chosen.connections))
        except UnexpectedAnswerError as error:
            sys.exit(f"the burst failed: {error}")
    print("\n".join(f"{name}: {value}" for name, value in result.items()))
    if result["wrong"] or result["different_ids"] != chosen.jobs:
        sys.exit("the audit failed")


if __name__ == "__main__":
    main()
