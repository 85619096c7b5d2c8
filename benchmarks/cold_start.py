"""From the start of `pixelflow serve` to the first 200 of /healthz and /readyz, fresh and again."""

import argparse
import socket
import statistics
import time
from pathlib import Path

from servers import (
    HOST,
    START_SECONDS,
    free_port,
    fresh_folder,
    pixelflow_command,
    pixelflow_environment,
    process,
)

POLL_SECONDS = 0.002


def first_200(port: int, path: str, start: float) -> float:
    """Seconds from the start until the path is answered with 200; raises SystemExit."""
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
    while (now := time.perf_counter() - start) < START_SECONDS:
        try:
            with socket.create_connection((HOST, port), timeout=START_SECONDS - now) as connection:
                connection.sendall(request)
                if connection.recv(64).startswith(b"HTTP/1.1 200"):
                    return time.perf_counter() - start
        except OSError:
            pass
        time.sleep(POLL_SECONDS)
    raise SystemExit(f"{path} did not answer within {START_SECONDS:.0f} s")


def started(home: Path) -> tuple[float, float]:
    """Start and stop the server once; seconds to health and to readiness."""
    port = free_port()
    environment = pixelflow_environment(home, port)
    start = time.perf_counter()
    with process(pixelflow_command(), environment, "pixelflow"):
        return first_200(port, "/healthz", start), first_200(port, "/readyz", start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    chosen = parser.parse_args()
    print("| start, ms | /healthz median | highest | /readyz median | highest |")
    print("|---|--:|--:|--:|--:|")
    times: dict[str, list[tuple[float, float]]] = {"fresh database": [], "existing database": []}
    for _ in range(chosen.times):
        home = fresh_folder("cold_start")
        for measured in times.values():
            measured.append(started(home))
    for name, measured in times.items():
        columns = list(zip(*measured, strict=True))
        cells = [f"{1000 * statistics.median(column):.0f} | {1000 * max(column):.0f}" for column in columns]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
