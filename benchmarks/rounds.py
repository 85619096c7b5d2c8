"""Rounds in which everybody is measured in turn on every workload, and the table of their medians.

A measurement during which others used the machine is thrown away and done again. Absolute figures of
different hours do not compare; ratios within one round do, so the table shows medians of those.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import limit
import uvloop
from ballast import ballast
from pictures import WORK
from servers import SERVERS
from table import markdown
from workloads import WORKLOADS

from adapters import ADAPTERS
from client import load

Row = dict[str, Any]
RAW = {"w4": ("pyramid",)}
RAW_DEFAULT = ("thumbnail", "sharp_policy")
TRIES = 4


def contestants(workload: str, with_taskiq: bool) -> list[str]:
    """Whom to measure on a workload, in order."""
    raw = [f"raw {engine}" for engine in RAW.get(workload, RAW_DEFAULT)]
    return [*raw, "node", *(["taskiq"] if with_taskiq else []), "pixelflow"]


def measure(who: str, workload: str, clients: int, pace: float) -> Row:
    """One measurement; its numbers."""
    plan = WORKLOADS[workload]
    seconds, warmup = plan.seconds * pace, plan.warmup_seconds * pace
    if who.startswith("raw "):
        return limit.measure(who.removeprefix("raw "), workload, seconds / 2)
    adapter = ADAPTERS["pixelflow" if who == "pixelflow" else "peer"](plan)
    with SERVERS[who]() as server:
        run = load(adapter, server.port, server.pids, clients=clients, seconds=seconds, warmup_seconds=warmup)
        return uvloop.run(run)


def quiet(measurement: Callable[[], Row], most_others: float) -> Row:
    """Repeat until nobody else used the machine, a few times at most; the row says whether it was quiet."""
    for _ in range(TRIES):
        row = measurement()
        row["quiet"] = row["other_cores"] <= most_others
        if row["quiet"]:
            break
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=["w1", "w2", "w3", "w4"])
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="measure only these: raw, node, taskiq, pixelflow"
    )
    parser.add_argument("--taskiq", action="store_true", help="FastAPI + taskiq + pyvips too")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--pace", type=float, default=1.0, help="measure so many times longer")
    parser.add_argument("--most-others", type=float, default=0.1, help="cores that others may use meanwhile")
    chosen = parser.parse_args()
    stamp = time.strftime("%Y-%m-%d_%H%M%S")
    runs = WORK / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    lines = runs / f"{stamp}.jsonl"
    with ballast():
        rows = list(measured(chosen, lines))
    table = markdown(rows, chosen.clients)
    (runs / f"{stamp}.md").write_text(table)
    print(table)


def measured(chosen: argparse.Namespace, lines: Path) -> Iterator[Row]:
    """Every measurement of all rounds, in turn."""
    for turn in range(chosen.rounds):
        for workload in chosen.workloads:
            order = contestants(workload, chosen.taskiq)
            for who in order if turn % 2 == 0 else reversed(order):
                if chosen.only and who.split()[0] not in chosen.only:
                    continue
                row = quiet(
                    lambda who=who, workload=workload: measure(who, workload, chosen.clients, chosen.pace),
                    chosen.most_others,
                )
                row = {"round": turn + 1, "workload": workload, "who": who, **row}
                write(lines, row)
                yield row


def write(file: Path, row: Row) -> None:
    """Keep the row, and show it."""
    with file.open("a") as out:
        out.write(json.dumps(row) + "\n")
    noisy = "" if row["quiet"] else f"  NOISY ({row['other_cores']} cores of others)"
    errors = f"  {row['errors']} ERRORS {row['first_errors']}" if row["errors"] else ""
    print(
        f"{row['round']} {row['workload']} {row['who']:17} {row['jobs_s']:8.2f} jobs/s{noisy}{errors}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
