"""The workloads: a picture and the outputs wanted of it, in the words of each contestant."""

import json
from dataclasses import dataclass
from pathlib import Path

from pictures import picture


@dataclass(frozen=True, slots=True)
class Output:
    """One result: its width in pixels, its format, its quality."""

    width: int
    format: str
    quality: int = 80


@dataclass(frozen=True, slots=True)
class Workload:
    """A source and its outputs, and how long a measurement of it has to be."""

    title: str
    source: str
    outputs: tuple[Output, ...]
    seconds: float = 6.0
    warmup_seconds: float = 2.0

    @property
    def path(self) -> Path:
        """The source's file."""
        return picture(self.source)

    @property
    def peer_query(self) -> str:
        """The outputs as the peers are told: ``800:jpeg:80,…``."""
        return ",".join(f"{out.width}:{out.format}:{out.quality}" for out in self.outputs)

    @property
    def pipeline(self) -> str:
        """The outputs as a PixelFlow pipeline in JSON."""
        return json.dumps(
            [
                {
                    "id": f"w{out.width}",
                    "action": "thumbnail",
                    "width": out.width,
                    "format": out.format,
                    "quality": out.quality,
                }
                for out in self.outputs
            ]
        )


LANDSCAPE = "landscape_4000x3000.jpg"
WORKLOADS = {
    "w1": Workload("12 MP → 800 px JPEG", LANDSCAPE, (Output(800, "jpeg"),)),
    "w2": Workload("2725×2225 → 720 px JPEG", "benchmark_2725x2225.jpg", (Output(720, "jpeg"),)),
    "w3": Workload("640×480 → 150 px WebP", "landscape_640x480.jpg", (Output(150, "webp"),)),
    "w4": Workload(
        "12 MP → five outputs",
        LANDSCAPE,
        (
            Output(1600, "webp"),
            Output(800, "webp"),
            Output(400, "jpeg"),
            Output(150, "webp"),
            Output(64, "jpeg"),
        ),
        seconds=16.0,
        warmup_seconds=5.0,
    ),
    "small": Workload("10 KB → 64 px JPEG", "small_240x180.jpg", (Output(64, "jpeg"),)),
}
