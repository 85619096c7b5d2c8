"""Closed-loop load: each client uploads, waits and downloads over one kept connection, again and again."""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import uvloop
from connection import Http
from machine import Watch
from workloads import WORKLOADS

from adapters import ADAPTERS, Adapter, UnexpectedAnswerError

FIRST_JOB_SECONDS = 60.0
ERROR_PAUSE_SECONDS = 0.05


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
