"""Each operation beside the same work of sharp, Pillow or libvips: file to file, one thread, in turn.

CPU and wall clock of whole jobs: decoding, the operation, encoding. Both sides write the same format with the
same options, and neither may cache.
"""

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from ballast import ballast
from contests import CONTESTS, Bare, Contest, Sharp
from machine import description
from pictures import HERE, WORK
from samples import sources

from pixelflow.imaging.native import environment

LIMIT = 1.1
SHORT_SECONDS = 1.0
Job = dict[str, Any]
EXTENSIONS = {"jpeg": "jpg", "tile": "zip"}


class Failed(Exception):
    """A side could not do its job."""


class Side:
    """A process that does one job after the other."""

    def __init__(self, *command: str, folder: Path = HERE, **variables: str) -> None:
        variables = {**os.environ, "VIPS_CONCURRENCY": "1", **variables}
        self.process = subprocess.Popen(
            command, cwd=folder, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def do(self, job: Job) -> dict[str, float]:
        """Seconds of ``cpu`` and of ``wall``; raises Failed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(job), file=self.process.stdin, flush=True)
        reply = json.loads(self.process.stdout.readline() or '{"error": "the process ended"}')
        if "error" in reply:
            raise Failed(reply["error"])
        return reply


def jobs(contest: Contest, files: Mapping[str, Path], folder: Path) -> tuple[Job, Job]:
    """Ours and the peer's."""
    source = str(files[contest.source])
    kind = contest.peer.write[0] if isinstance(contest.peer, Sharp) and contest.peer.write else None
    ending = EXTENSIONS.get(kind, kind) if kind else Path(source).suffix.removeprefix(".")
    ours = {
        "source": source,
        "output": str(folder / "ours"),
        "steps": contest.steps,
        "assets": {"mark": str(files["mark"])} if '"mark"' in json.dumps(contest.steps) else {},
    }
    peer: Job = {"source": source, "output": str(folder / f"peer.{ending}")}
    if isinstance(contest.peer, Sharp):
        chain = json.loads(
            re.sub(r"@(\w+)", lambda found: str(files[found[1]]), json.dumps(contest.peer.chain))
        )
        peer |= {"chain": chain, "write": contest.peer.write, "read": contest.peer.read or {}}
    else:
        peer |= {"name": contest.peer.function, "mark": str(files["mark"])}
    return ours, peer


@contextlib.contextmanager
def sides() -> Iterator[dict[str, Side]]:
    """Our renderer's process and those of the peers."""
    node = WORK / "node"
    if not (node / "node_modules" / "sharp").exists():
        raise SystemExit(f"sharp is not in {node}: run benchmarks/setup")
    script = HERE / "peers" / "node" / "operations.mjs"
    (node / script.name).write_bytes(script.read_bytes())
    with (
        Side(sys.executable, "renderer.py", **environment()) as ours,
        Side("node", script.name, folder=node) as sharp,
        Side(sys.executable, "peers/bare.py") as bare,
    ):
        yield {"ours": ours, "sharp": sharp, "bare": bare}


def duel(ours: Side, our_job: Job, peer: Side, peer_job: Job, rounds: int) -> list[dict[str, float]]:
    """The rounds after one to warm up, CPU and wall of both; who begins takes turns.

    A short job is done once right before it is measured: a host that takes back memory within seconds would
    otherwise be measured with it.
    """
    rows = []
    for turn in range(rounds + 1):
        order = [(ours, our_job, ""), (peer, peer_job, "peer_")]
        row: dict[str, float] = {}
        for who, job, prefix in order if turn % 2 == 0 else reversed(order):
            found = who.do(job)
            if turn and found["wall"] < SHORT_SECONDS:
                found = who.do(job)
            row |= {prefix + name: value for name, value in found.items()}
        rows.append(row)
    return rows[1:]


def line(contest: Contest, rows: list[dict[str, float]]) -> str:
    """A row of the table: medians, and the median of the rounds' own ratios."""
    cells = [f"{1000 * statistics.median(row[name] for row in rows):.0f}" for name in ("cpu", "peer_cpu")]
    ratio, wall = (
        statistics.median(row[name] / row[f"peer_{name}"] for row in rows) for name in ("cpu", "wall")
    )
    mark = "**" if ratio > LIMIT else ""
    cells += [f"{mark}{ratio:.2f}{mark}", f"{wall:.2f}", contest.peer.name, contest.note]
    return f"| {contest.title} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--only", nargs="+", metavar="TITLE", help="rows whose title begins with one of these"
    )
    chosen = parser.parse_args()
    contests = [c for c in CONTESTS if not chosen.only or c.title.startswith(tuple(chosen.only))]
    files, folder, failed = sources(), WORK / "operations", 0
    folder.mkdir(exist_ok=True)
    print(f"{time.strftime('%Y-%m-%d')}; {description()}; medians of {chosen.rounds} alternating rounds.\n")
    print("| operation | CPU ms | peer's | ratio | wall ratio | peer | |\n|---|--:|--:|--:|--:|---|---|")
    with ballast(), sides() as side:
        for contest in contests:
            ours, peer = jobs(contest, files, folder)
            against = side["bare" if isinstance(contest.peer, Bare) else "sharp"]
            try:
                print(line(contest, duel(side["ours"], ours, against, peer, chosen.rounds)), flush=True)
            except Failed as error:
                failed += 1
                print(f"| {contest.title} | failed: {error} |", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
