"""What the machine tells of itself and of a process tree, read from /proc."""

import os
import platform
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLE_SECONDS = 0.5
PSS_EVERY = 4  # proportional size walks page tables: every fourth sample is enough


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text[text.rindex(")") + 2 :].split()


def tree(roots: Iterable[int]) -> list[int]:
    """The processes and all their descendants."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208  # called twice a second: no Path objects
        if name.isdigit() and (fields := _stat(int(name))):
            children.setdefault(int(fields[1]), []).append(int(name))
    found, todo = [], list(roots)
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time of the processes and of the children they have already reaped."""
    return sum(sum(map(int, fields[11:15])) for pid in pids if (fields := _stat(pid))) / TICKS


def rss_mb(pids: Iterable[int]) -> float:
    """Resident memory in MB; a page that two processes share counts twice."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
        except (OSError, IndexError):
            continue
    return total / 1e6


def pss_mb(pids: Iterable[int]) -> float:
    """Proportional memory in MB; a page that two processes share counts half in each."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total / 1e6


def busy_seconds() -> float:
    """CPU time of the whole machine since it started, stolen time included, idle and waiting excluded."""
    with Path("/proc/stat").open() as file:
        fields = [int(value) for value in file.readline().split()[1:]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


class Watch:
    """Measures a block: CPU of the server's tree, this process and all others; the tree's peak memory."""

    def __init__(self, roots: Sequence[int]) -> None:
        self.roots = roots
        self.rss: list[float] = []
        self.pss: list[float] = []
        self._end = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._start = self._now()
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        before, after = self._start, self._now()
        self._end.set()
        self._sampler.join()
        self.seconds, self.server, self.client, busy = (b - a for a, b in zip(before, after, strict=True))
        self.others = max(0.0, busy - self.server - self.client)

    def _now(self) -> tuple[float, float, float, float]:
        return time.perf_counter(), cpu_seconds(tree(self.roots)), time.process_time(), busy_seconds()

    def _sample(self) -> None:
        count = 0
        while self.roots:
            pids = tree(self.roots)
            self.rss.append(rss_mb(pids))
            if count % PSS_EVERY == 0:
                self.pss.append(pss_mb(pids))
            count += 1
            if self._end.wait(SAMPLE_SECONDS):
                return

    def result(self, jobs: int) -> dict[str, Any]:
        """The block's numbers, with CPU in milliseconds a job."""
        return {
            "cpu_ms": round(1000 * self.server / max(1, jobs), 2),
            "client_cpu_ms": round(1000 * self.client / max(1, jobs), 2),
            "other_cores": round(self.others / self.seconds, 2),
            "rss_mb": round(max(self.rss, default=0)),
            "pss_mb": round(max(self.pss, default=0)),
        }


def description() -> str:
    """The processor, its cores, the kernel and the memory, in one line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "?")
    gigabytes = os.sysconf("SC_PHYS_PAGES") * PAGE / 1e9
    return f"{len(os.sched_getaffinity(0))} × {model}, {gigabytes:.0f} GB, Linux {platform.release()}"
