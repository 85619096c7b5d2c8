"""Webhooks to a receiver on this machine while jobs run: how many a second, how late, and what they cost.

One endpoint is told of every job's end. Afterwards every message is verified: each job once, with a signature
that is good.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import uvloop
from burst import drained, each
from connection import Http
from servers import Server, free_port, pixelflow
from standardwebhooks import Webhook
from workloads import WORKLOADS

from adapters import PixelFlow, UnexpectedAnswerError

LOOKS = 12_000
SETTLE_SECONDS = 0.5
"""For the last deliveries to be noted before they are sent again."""


@dataclass
class Receiver:
    """Takes whatever is posted, as fast as it comes: when, the head and the body of each."""

    came: list[tuple[float, bytes, bytes]] = field(default_factory=list)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.partition(b":")[2])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                )
                body = await reader.readexactly(length)
                self.came.append((time.time(), head, body))
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            writer.close()

    async def wait(self, count: int) -> None:
        """Until so many came."""
        for _ in range(LOOKS):
            if len(self.came) >= count:
                return
            await asyncio.sleep(0.01)


async def jobs(server: Server, count: int, connections: int) -> tuple[float, list[str]]:
    """Seconds from the first upload to the last end, and the jobs' ids."""
    adapter, ids = PixelFlow(WORKLOADS["small"]), []

    async def upload(http: Http, _: int) -> None:
        ids.append(await adapter.submit(http))

    start = time.perf_counter()
    await each(iter(range(count)), connections, server.port, upload)
    await drained(Http(server.port))
    return time.perf_counter() - start, ids


async def measured(server: Server, count: int, connections: int, rounds: int) -> dict[str, Any]:
    receiver, port, http = Receiver(), free_port(), Http(server.port)
    listening = await asyncio.start_server(receiver.take, "127.0.0.1", port)
    hook = {"url": f"http://127.0.0.1:{port}/hook", "events": ["job.completed"]}
    await jobs(server, count // 4, connections)
    without, told, late, rates, again = [], [], [], [], []
    for _ in range(rounds):
        seconds, _ids = await jobs(server, count, connections)
        without.append(count / seconds)
        status, body = await http("POST", "/v1/webhooks", json.dumps(hook).encode(), "application/json")
        if status != 201:
            raise UnexpectedAnswerError("register", status, body)
        endpoint = json.loads(body)
        receiver.came.clear()
        begun = time.time()
        seconds, ids = await jobs(server, count, connections)
        told.append(count / seconds)
        await receiver.wait(count)
        rates.append(count / (receiver.came[-1][0] - begun))
        late += verified(receiver, endpoint["secret"], ids)
        await asyncio.sleep(SETTLE_SECONDS)
        receiver.came.clear()
        begun = time.time()
        await http("POST", f"/v1/webhooks/{endpoint['id']}/redeliver?since=2020-01-01", b"", "")
        await receiver.wait(count)
        again.append(count / (receiver.came[-1][0] - begun))
        await http("DELETE", f"/v1/webhooks/{endpoint['id']}")
    listening.close()
    return {
        "jobs": count,
        "jobs_s_without": round(statistics.median(without)),
        "jobs_s_with": round(statistics.median(told)),
        "deliveries_s": round(statistics.median(rates)),
        "redeliveries_s_without_jobs": round(statistics.median(again)),
        "late_ms_p50": round(statistics.median(late) * 1000, 1),
        "late_ms_p95": round(statistics.quantiles(late, n=20)[-1] * 1000, 1),
    }


def verified(receiver: Receiver, secret: str, ids: list[str]) -> list[float]:
    """How long after its job's end each message came, in seconds; exits unless each job is told of."""
    checker, found, late = Webhook(secret), set(), []
    for at, head, body in receiver.came:
        lines = (line.decode().partition(": ") for line in head.split(b"\r\n")[1:] if line)
        data = checker.verify(body, {name.lower(): value for name, _, value in lines})["data"]
        found.add(data["id"])
        late.append(at - _seconds(data["finished_at"]))
    if found != set(ids):
        sys.exit(f"{len(set(ids) - found)} jobs were not told of")
    return late


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with pixelflow(EGRESS_ALLOW="127.0.0.1/32") as server:
        try:
            result = uvloop.run(measured(server, chosen.jobs, chosen.connections, chosen.rounds))
        except UnexpectedAnswerError as error:
            sys.exit(f"failed: {error}")
    print("\n".join(f"{name}: {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
