"""Jobs told on standard input, one JSON line each, and what each took on standard output."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def serve(work: Callable[[dict[str, Any]], None]) -> None:
    """Do each job; the reply has seconds of CPU in all threads and of wall clock, or the error."""
    for line in sys.stdin:
        job = json.loads(line)
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            work(job)
            reply: dict[str, Any] = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        except Exception as error:  # noqa: BLE001 - the table names whatever went wrong
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
