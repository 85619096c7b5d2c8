"""A lone small job, from the first byte of the upload to the last of the result, above the raw operation.

Blocks of both alternate: a plain process that does nothing but the operation, and the one client of a server.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import libvips
import uvloop
from connection import Http
from servers import fresh_folder, pixelflow
from workloads import WORKLOADS, Workload

from adapters import PixelFlow
from client import quantile

WARM_UPS = 20


def raw(workload: Workload, jobs: int) -> list[float]:
    """Seconds of each raw operation, in this process."""
    libvips.load_pyvips()
    stem = str(fresh_folder("latency") / "out")
    outputs = [(out.width, out.format, out.quality) for out in workload.outputs]
    times = []
    for _ in range(WARM_UPS + jobs):
        start = time.perf_counter()
        libvips.thumbnail(workload.path, stem, outputs)
        times.append(time.perf_counter() - start)
    return times[WARM_UPS:]


def raw_process(name: str, jobs: int) -> list[float]:
    """The same in a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--raw", name, "--jobs", str(jobs)]
    found: list[float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


async def served(workload: Workload, port: int, jobs: int) -> list[float]:
    """Seconds of each job, one after the other over one connection."""
    adapter, http, times = PixelFlow(workload), Http(port), []
    for _ in range(WARM_UPS + jobs):
        start = time.perf_counter()
        await adapter.job(http)
        times.append(time.perf_counter() - start)
    http.close()
    return times[WARM_UPS:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=["w3", "small"])
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=100, help="in each block")
    parser.add_argument("--raw", choices=list(WORKLOADS), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.raw:
        print(json.dumps(raw(WORKLOADS[chosen.raw], chosen.jobs)))
        return
    print("| a lone job, ms | raw p50 | PixelFlow p50 | p95 | above raw, median of blocks |")
    print("|---|--:|--:|--:|--:|")
    with pixelflow() as server:
        for name in chosen.workloads:
            alone: list[float] = []
            through: list[float] = []
            above: list[float] = []
            for _ in range(chosen.blocks):
                plain = raw_process(name, chosen.jobs)
                whole = uvloop.run(served(WORKLOADS[name], server.port, chosen.jobs))
                above.append(1000 * (statistics.median(whole) - statistics.median(plain)))
                alone += plain
                through += whole
            through.sort()
            middle = quantile(sorted(alone), 0.5), quantile(through, 0.5), quantile(through, 0.95)
            cells = " | ".join(f"{value:.1f}" for value in middle if value is not None)
            print(f"| {name}: {WORKLOADS[name].title} | {cells} | {statistics.median(above):.1f} |")


if __name__ == "__main__":
    main()
