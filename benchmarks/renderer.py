"""PixelFlow's renderer without the server: a job is {source, output, steps, assets}, files named by path."""

import os
from typing import Any

from timing import serve

from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import render, wire

LIMITS = ImageLimits()


def work(job: dict[str, Any]) -> None:
    """As a decoder does it: files by descriptor, the steps parsed, decoded, done, encoded and written."""
    kept = [step["id"] for step in job["steps"] if step.get("output", True)]
    task = wire.Task(job["steps"], list(job["assets"]), kept, LIMITS)
    source, *assets = [os.open(path, os.O_RDONLY) for path in (job["source"], *job["assets"].values())]
    outputs = [os.open(f"{job['output']}.{n}", os.O_RDWR | os.O_CREAT | os.O_TRUNC) for n in range(len(kept))]
    try:
        render.render(task, source, assets, outputs, lambda _: None)
    finally:
        for file in (source, *assets, *outputs):
            os.close(file)


if __name__ == "__main__":
    render.prepare()
    serve(work)
