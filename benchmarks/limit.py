"""The raw limit: two plain processes, one libvips thread each, that do nothing but the operation."""

import json
import multiprocessing
import os
import queue
import resource
import sys
import time
from pathlib import Path
from typing import Any

import libvips
from machine import Watch
from servers import fresh_folder
from workloads import WORKLOADS

PROCESSES = 2
START_SECONDS = 60.0


def measure(engine: str, workload: str, seconds: float) -> dict[str, Any]:
    """Operations a second of all processes together; raises SystemExit if one of them dies."""
    os.environ["VIPS_CONCURRENCY"] = "1"
    folder = fresh_folder("limit")
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(PROCESSES + 1), context.Queue()
    source, outputs = _job(workload)
    processes = [
        context.Process(
            target=_loop, args=(engine, source, str(folder / str(n)), outputs, seconds, barrier, results)
        )
        for n in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    barrier.wait(START_SECONDS)
    with Watch([process.pid for process in processes if process.pid]) as watch:
        rows = [_result(results, seconds) for _ in processes]
    for process in processes:
        process.join()
    jobs = sum(row["jobs"] for row in rows)
    cpu = sum(row["cpu_seconds"] for row in rows)
    return watch.result(jobs) | {
        "jobs": jobs,
        "jobs_s": round(sum(row["rate"] for row in rows), 2),
        "cpu_ms": round(1000 * cpu / jobs, 2),
        "p50_ms": round(1000 * PROCESSES / sum(row["rate"] for row in rows), 2),
        "errors": 0,
    }


def _job(workload: str) -> tuple[Path, libvips.Outputs]:
    wanted = WORKLOADS[workload]
    return wanted.path, [(out.width, out.format, out.quality) for out in wanted.outputs]


def _result(results: Any, seconds: float) -> dict[str, float]:
    try:
        return results.get(timeout=seconds + START_SECONDS)
    except queue.Empty:
        raise SystemExit("a process of the raw limit failed, see above") from None


def _loop(
    engine: str, source: Path, stem: str, outputs: libvips.Outputs, seconds: float, barrier: Any, results: Any
) -> None:
    libvips.load_pyvips()
    operation = libvips.ENGINES[engine]
    for _ in range(2):
        operation(source, stem, outputs)
    barrier.wait(START_SECONDS)
    jobs, start, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() < start + seconds:
        operation(source, stem, outputs)
        jobs += 1
    elapsed = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    results.put(
        {
            "jobs": jobs,
            "rate": jobs / elapsed,
            "cpu_seconds": time.process_time() - cpu,
            "rss_kb": usage.ru_maxrss,
        }
    )


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
