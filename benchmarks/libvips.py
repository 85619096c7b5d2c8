"""The raw operations: what a job costs where nothing but libvips runs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyvips

EXTENSIONS = {"jpeg": ".jpg", "webp": ".webp"}
NO_LIMIT = 10_000_000
Outputs = list[tuple[int, str, int]]  # width, format, quality


def load_pyvips() -> None:
    """Import libvips with its operation cache off, as a server of ever new pictures has it."""
    import pyvips

    if (pyvips.version(0), pyvips.version(1)) < (8, 15):
        raise SystemExit(
            "pyvips uses an older libvips of the system: hide its headers and install pyvips again"
        )
    pyvips.cache_set_max(0)


def thumbnail(source: Path, stem: str, outputs: Outputs) -> list[str]:
    """libvips' own thumbnail, once per output: shrink-on-load leaves a factor of 2 for the kernel."""
    import pyvips

    return [_save(pyvips.Image.thumbnail(str(source), out[0], height=NO_LIMIT), stem, out) for out in outputs]


def sharp_policy(source: Path, stem: str, outputs: Outputs) -> list[str]:
    """As sharp does by default: the largest shrink-on-load, then lanczos3."""
    return [_save(_shrunk(source, out[0], gap=1.0), stem, out) for out in outputs]


def pyramid(source: Path, stem: str, outputs: Outputs) -> list[str]:
    """Decoded once, each output from the next larger one."""
    current, files = None, []
    for out in sorted(outputs, reverse=True):
        if current is None:
            current = _shrunk(source, out[0], gap=2.0).copy_memory()
        else:
            current = current.thumbnail_image(out[0], height=NO_LIMIT).copy_memory()
        files.append(_save(current, stem, out))
    return files


ENGINES: dict[str, Callable[[Path, str, Outputs], list[str]]] = {
    "thumbnail": thumbnail,
    "sharp_policy": sharp_policy,
    "pyramid": pyramid,
}


def _shrunk(source: Path, width: int, gap: float) -> "pyvips.Image":
    import pyvips

    image = pyvips.Image.new_from_file(str(source), access="sequential")
    factor = next((f for f in (8, 4, 2) if image.width / width >= f * gap), 1)
    if factor > 1:
        image = pyvips.Image.new_from_file(str(source), access="sequential", shrink=factor)
    return image.resize(width / image.width)


def _save(image: "pyvips.Image", stem: str, output: tuple[int, str, int]) -> str:
    width, form, quality = output
    file = f"{stem}_{width}{EXTENSIONS[form]}"
    image.write_to_file(file, Q=quality, keep="none")
    return file
