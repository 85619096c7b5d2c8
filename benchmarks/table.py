"""The table of results in Markdown, ready for RESULTS.md."""

import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from machine import description
from pictures import HERE, WORK, origin
from workloads import WORKLOADS

Row = dict[str, Any]
NAMES = {
    "raw thumbnail": "raw libvips `thumbnail`",
    "raw sharp_policy": "raw libvips, sharp's policy",
    "raw pyramid": "raw libvips, pyramid",
    "node": "Fastify + BullMQ + sharp",
    "taskiq": "FastAPI + taskiq + pyvips",
    "pixelflow": "**PixelFlow**",
}
COLUMNS = ("jobs_s", "p50_ms", "p95_ms", "cpu_ms", "rss_mb", "pss_mb")


def markdown(rows: Sequence[Row], clients: int) -> str:
    """Heading, then medians of the quiet measurements and of the ratios within each round."""
    noisy = sum(not row["quiet"] for row in rows)
    kept = [row for row in rows if row["quiet"]]
    rounds = max((row["round"] for row in rows), default=0)
    lines = [
        f"{time.strftime('%Y-%m-%d')}, {versions()}; {description()}; {origin()};",
        f"medians of {rounds} alternating rounds, {clients} clients; {noisy} noisy measurements left out.",
        "",
        "| | | jobs/s | p50 ms | p95 ms | CPU ms a job | RSS MB | PSS MB | errors | PixelFlow is |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for workload in dict.fromkeys(row["workload"] for row in kept):
        of = [row for row in kept if row["workload"] == workload]
        title = f"{workload}: {WORKLOADS[workload].title}"
        for who in (name for name in NAMES if any(row["who"] == name for row in of)):
            mine = [row for row in of if row["who"] == who]
            cells = [_cell(mine, column) for column in COLUMNS]
            errors = sum(row["errors"] for row in mine)
            lines.append(f"| {title} | {NAMES[who]} | {' | '.join(cells)} | {errors} | {_ratios(of, who)} |")
            title = ""
    return "\n".join(lines) + "\n"


def _cell(rows: Sequence[Row], column: str) -> str:
    values = [row[column] for row in rows if row.get(column) is not None]
    if not values:
        return "–"
    middle = statistics.median(values)
    return f"{middle:.0f}" if middle >= 100 or column.endswith("_mb") else f"{middle:.1f}"


def _ratios(rows: Sequence[Row], who: str) -> str:
    if who == "pixelflow":
        return ""
    speed = _ratio(rows, who, lambda row: row["jobs_s"])
    if not speed or who.startswith("raw"):
        return f"{speed:.2f} × as fast" if speed else ""
    memory = _ratio(rows, who, lambda row: row["pss_mb"])
    return f"{speed:.2f} × as fast, {memory:.2f} × the PSS"


def _ratio(rows: Sequence[Row], who: str, value: Callable[[Row], float]) -> float:
    by_round: dict[int, dict[str, Row]] = {}
    for row in rows:
        by_round.setdefault(row["round"], {})[row["who"]] = row
    pairs = [
        (each["pixelflow"], each[who]) for each in by_round.values() if "pixelflow" in each and who in each
    ]
    return (
        statistics.median(value(ours) / max(1e-9, value(theirs)) for ours, theirs in pairs) if pairs else 0.0
    )


def versions() -> str:
    """What ran, in one line."""
    import pyvips

    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=False
    ).stdout.strip()
    found = [f"PixelFlow {commit}", f"Python {sys.version.split()[0]}", f"libvips {libvips}"]
    for package in ("fastify", "bullmq", "sharp"):
        file = WORK / "node" / "node_modules" / package / "package.json"
        if file.exists():
            found.append(f"{package} {json.loads(file.read_text())['version']}")
    for tool in ("node", "redis-server"):
        if shutil.which(tool):
            said = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False).stdout
            found.append(f"{tool} {re.search(r'[0-9.]+', said)[0]}")
    return ", ".join(found)
