"""The pictures that the workloads read: a folder's (BENCH_IMAGES), or ones made from the carried photo."""

import os
from pathlib import Path

import pyvips

HERE = Path(__file__).parent
WORK = Path(os.environ.get("BENCH_HOME") or HERE / ".work").resolve()
PHOTO = HERE.parent / "examples" / "kodim23.png"
# Name: width, height, and the bytes that a photo of this size has.
PICTURES = {
    "landscape_4000x3000.jpg": (4000, 3000, 2_400_000),
    "benchmark_2725x2225.jpg": (2725, 2225, 830_000),
    "landscape_640x480.jpg": (640, 480, 80_000),
    "small_240x180.jpg": (240, 180, 10_000),
}
QUALITY = 80
TRIES = 9


def picture(name: str) -> Path:
    """The file of that name; made once and kept when the named folder lacks it."""
    folder = os.environ.get("BENCH_IMAGES")
    if folder and (path := Path(folder) / name).exists():
        return path.resolve()
    path = WORK / "pictures" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(_make(*PICTURES[name]))
        partial.rename(path)
    return path


def origin() -> str:
    """Where the pictures come from, for the results' heading."""
    folder = os.environ.get("BENCH_IMAGES")
    return (
        f"pictures of the folder {Path(folder).name}/" if folder else "pictures made from the carried photo"
    )


def _make(width: int, height: int, size: int) -> bytes:
    """The photo scaled and cropped to the size, with grain until the JPEG is about ``size`` bytes."""
    photo = pyvips.Image.thumbnail(str(PHOTO), width, height=height, crop="centre", size="both")
    photo = photo.copy_memory()
    grain = pyvips.Image.gaussnoise(width, height, sigma=1, mean=0, seed=23).gaussblur(0.6).copy_memory()
    low, high, data = 0.0, 64.0, b""
    for _ in range(TRIES):
        strength = (low + high) / 2
        data = (photo + grain * strength).cast("uchar").jpegsave_buffer(Q=QUALITY)
        low, high = (strength, high) if len(data) < size else (low, strength)
    return data
