"""`pixelflow plan` beside what really came out, as a table in Markdown.

Every picture through every pipeline, each in a process of its own that is forked from a prepared one as
decoders are: sides, alpha, frames and format are compared, bytes, CPU time of all threads (the better of two)
and address space measured.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from pixelflow.domain.errors import ImageError
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import native, render, wire
from pixelflow.imaging.prediction import Prediction, predict
from pixelflow.operations.pipeline import parse
from pixelflow.worker.probe import origin_of

PICTURES = Path(__file__).parents[2] / "shared" / "images"
LIMITS = ImageLimits()
WORST = 20
"""Lines shown of those that are most wrong."""
LONG_SECONDS = 1.0
"""Work that takes longer is measured once."""
LEAST_SECONDS = 0.05
"""Short work is repeated until its CPU time can be told by a coarse clock."""
PIPELINES: dict[str, list[dict[str, Any]]] = {
    "thumbnail": [{"action": "thumbnail", "width": 300, "format": "webp"}],
    "thumbnail same": [{"action": "thumbnail", "width": 200}],
    "half jpeg": [{"action": "resize", "width": "50%", "format": "jpeg"}],
    "cover avif": [{"action": "resize", "width": 400, "height": 400, "fit": "cover", "format": "avif"}],
    "contain png": [{"action": "resize", "width": 640, "height": 640, "fit": "contain", "format": "png"}],
    "enlarge": [{"action": "resize", "width": "150%", "enlarge": True, "format": "jpeg"}],
    "pyramid": [
        {"action": "resize", "width": 1600, "format": "jpeg"},
        {"action": "resize", "width": 800, "format": "webp"},
        {"action": "resize", "width": 400, "format": "webp"},
        {"action": "info"},
    ],
    "chain": [
        {"action": "resize", "width": 1200, "output": False},
        {"action": "border", "width": 10, "from": "s1", "output": False},
        {"action": "text", "text": "© 2026", "color": "white", "from": "s2", "format": "jpeg"},
    ],
    "attention": [
        {"action": "crop", "width": "60%", "height": "60%", "gravity": "attention", "format": "webp"}
    ],
    "trim": [{"action": "trim", "format": "png"}],
    "rotate": [{"action": "rotate", "angle": 17.5, "format": "webp"}],
    "turn": [{"action": "rotate", "angle": 90, "format": "png"}],
    "blur": [{"action": "blur", "sigma": 8, "format": "jpeg"}],
    "sharpen": [{"action": "sharpen", "format": "jpeg", "quality": 92}],
    "median": [{"action": "median", "format": "jpeg"}],
    "adjust": [{"action": "adjust", "hue": 40, "contrast": 1.1, "format": "webp"}],
    "grey": [{"action": "grayscale", "format": "png"}],
    "normalize": [{"action": "normalize", "format": "tiff"}],
    "corners": [{"action": "round_corners", "radius": "10%", "format": "webp"}],
    "pad": [{"action": "pad", "aspect_ratio": "1:1", "mode": "blur", "format": "jpeg"}],
    "watermark": [{"action": "watermark", "image": "source", "scale": 0.3, "format": "jpeg"}],
    "gif": [{"action": "resize", "width": 480, "format": "gif"}],
    "quick avif": [{"action": "flip", "axis": "both", "format": "avif", "effort": 2}],
    "lossless": [{"action": "resize", "width": 800, "format": "webp", "lossless": True}],
    "palette": [{"action": "palette"}, {"action": "blurhash"}, {"action": "phash"}],
}


@dataclass(frozen=True)
class Real:
    """What a decoder made: files as {id, format, width, height, alpha, frames, bytes}, and what it took."""

    files: Sequence[dict[str, Any]]
    cpu_seconds: float
    memory_bytes: int
    refused: str = ""


@dataclass(frozen=True)
class Row:
    picture: str
    pipeline: str
    plan: Prediction
    real: Real

    @property
    def cpu(self) -> tuple[float, float]:
        """Told and measured, in seconds."""
        return sum(each.cpu_seconds or 0.0 for each in self.plan.outputs), self.real.cpu_seconds

    @property
    def memory(self) -> tuple[int, int]:
        return max(each.memory_bytes or 0 for each in self.plan.outputs), self.real.memory_bytes

    @property
    def bytes(self) -> tuple[int, int]:
        known = {each["id"]: each["bytes"] for each in self.real.files}
        told = [each for each in self.plan.outputs if each.bytes and each.format != "json"]
        return sum(each.bytes or 0 for each in told), sum(known[each.id] for each in told)

    @property
    def wrong(self) -> list[str]:
        """Where a shape was told that is not what came out."""
        found = []
        for told, made in zip(self.plan.outputs, self.real.files, strict=True):
            for name in ("width", "height", "frames", "format", "alpha"):
                said, is_ = getattr(told, name), made[name]
                if said is not None and said != is_ and not _excused(name, said, made):
                    found.append(f"{told.id}.{name}: {said}, is {is_}")
        return found


def _excused(name: str, said: Any, made: dict[str, Any]) -> bool:
    """Whether a codec leaves out what does not show: alpha of what is opaque, a frame like the one before.

    A GIF has a transparent colour in any case, a moving WebP is read with alpha.
    """
    if name == "frames":
        return bool(made["frames"] < said)
    return name == "alpha" and made["format"] in {"webp", "gif"}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--pictures", nargs="*", type=Path, default=[PICTURES / "photos", PICTURES / "formats"]
    )
    options.add_argument("--only", nargs="*", default=list(PIPELINES), help="pipelines by name")
    options.add_argument("--all", action="store_true", help="a line for each picture and pipeline")
    options.add_argument("--runs", type=int, default=2)
    given = options.parse_args()
    if (
        os.environ.get("VIPS_CONCURRENCY") != "1"
    ):  # as a decoder's environment is, which counts from the start
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **native.environment()})
    render.prepare()
    rows = [row for name in given.only for row in _rows(name, given.pictures, given.runs)]
    print(_table(rows, everything=given.all), flush=True)


def _rows(name: str, folders: Sequence[Path], runs: int) -> Iterator[Row]:
    steps = [{"id": f"s{number}", **step} for number, step in enumerate(PIPELINES[name], 1)]
    for file in sorted(each for folder in folders for each in folder.iterdir()):
        content = file.read_bytes()
        try:
            plan = predict(parse(steps), origin_of(_render([], content)[0].source), LIMITS)
        except ImageError:
            continue  # no picture, or of a kind that is not read here
        real = _apart(steps, content, runs)
        if real.refused:
            print(
                f"{file.name} {name}: {real.refused}; warned: {[each.code for each in plan.warnings]}",
                file=sys.stderr,
            )
            continue
        yield Row(file.name, name, plan, real)


def _apart(steps: list[dict[str, Any]], content: bytes, runs: int) -> Real:
    """Rendered in a process of its own."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        os.close(reads)
        with os.fdopen(writes, "w") as out:
            out.write(json.dumps(_measured(steps, content, runs)))
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as said:
        found = said.read()
    os.waitpid(child, 0)
    return Real(**json.loads(found)) if found else Real([], 0.0, 0, "died")


def _measured(steps: list[dict[str, Any]], content: bytes, runs: int) -> dict[str, Any]:
    best, finished, files = 1e9, None, []
    resource.setrlimit(resource.RLIMIT_CPU, (600, 600))
    for run in range(runs):
        begun, times = time.process_time(), 0
        while not times or (run and time.process_time() - begun < LEAST_SECONDS):
            try:
                finished, files = _render(steps, content)
            except ImageError as error:
                return {"files": [], "cpu_seconds": 0, "memory_bytes": 0, "refused": error.detail}
            times += 1
        best = min(best, (time.process_time() - begun) / times)
        if best > LONG_SECONDS:
            break
    peak = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmPeak")
    )
    assert finished is not None
    made = [_described(each, file) for each, file in zip(finished.made, files, strict=True)]
    return {"files": made, "cpu_seconds": best, "memory_bytes": int(peak.split()[1]) * 1024}


def _render(steps: list[dict[str, Any]], content: bytes) -> tuple[wire.Finished, list[bytes]]:
    kept = [step["id"] for step in steps if step.get("output", True)]
    with ExitStack() as stack:
        files = [stack.enter_context(TemporaryFile()) for _ in (content, *kept)]
        files[0].write(content)
        files[0].flush()
        numbers = [file.fileno() for file in files]
        task = wire.Task(steps, [], kept, LIMITS)
        done = render.render(task, numbers[0], [], numbers[1:], lambda _: None)
        return done, [os.pread(number, os.fstat(number).st_size, 0) for number in numbers[1:]]


def _described(made: wire.Made, file: bytes) -> dict[str, Any]:
    import pyvips
    from PIL import Image

    found: dict[str, Any] = {"id": made.step, "format": made.format, "bytes": len(file)}
    if made.format == "json":
        return found | dict.fromkeys(("width", "height", "alpha", "frames"))
    if made.format in {"apng", "avif", "jxl"}:  # of these libvips reads the first frame, or nothing
        with Image.open(BytesIO(file)) as picture:
            width, height = picture.size
            alpha, frames = "A" in picture.getbands(), getattr(picture, "n_frames", 1)
        return found | {"width": width, "height": height, "alpha": alpha, "frames": frames}
    image = pyvips.Image.new_from_buffer(file, "n=-1" if made.format in {"gif", "webp"} else "")
    high = image.get_page_height()
    frames = image.height // high
    return found | {"width": image.width, "height": high, "alpha": bool(image.hasalpha()), "frames": frames}


def _table(rows: Sequence[Row], *, everything: bool) -> str:
    lines = [
        "| pipeline | pictures | shapes wrong | CPU s, told / real | within 2 × | bytes | memory |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name in [*dict.fromkeys(row.pipeline for row in rows), None]:
        of = [row for row in rows if name in {row.pipeline, None}]
        told, real = (sum(row.cpu[which] for row in of) for which in (0, 1))
        least = min(row.memory[0] / row.memory[1] for row in of)
        cells = [
            name or "**all**",
            str(len(of)),
            str(sum(bool(row.wrong) for row in of)),
            f"{told:.2f} / {real:.2f}",
            _share([row.cpu for row in of]),
            _share([row.bytes for row in of if row.bytes[1]]),
            f"{least:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    shown = rows if everything else sorted(rows, key=lambda row: (not row.wrong, -_off(row.cpu)))[:WORST]
    lines += [
        "",
        "| picture | pipeline | told | came out | CPU ms | bytes | MB |",
        "|---|---|---|---|--:|--:|--:|",
    ]
    for row in shown:
        sizes = " ".join(f"{each.width}×{each.height} {each.format}" for each in row.plan.outputs)
        made = " ".join(f"{each['width']}×{each['height']}" for each in row.real.files)
        lines.append(
            f"| {row.picture} | {row.pipeline} | {sizes} | {'; '.join(row.wrong) or made} "
            f"| {row.cpu[0] * 1e3:.1f} / {row.cpu[1] * 1e3:.1f} | {row.bytes[0]} / {row.bytes[1]} "
            f"| {row.memory[0] >> 20} / {row.memory[1] >> 20} |"
        )
    return "\n".join(lines)


def _off(pair: tuple[float, float]) -> float:
    told, real = max(pair[0], 1e-9), max(pair[1], 1e-9)
    return max(told / real, real / told)


def _share(pairs: Sequence[tuple[float, float]]) -> str:
    good = sum(_off(pair) <= 2 for pair in pairs)
    return f"{100 * good / len(pairs):.0f} %" if pairs else "–"


if __name__ == "__main__":
    main()
