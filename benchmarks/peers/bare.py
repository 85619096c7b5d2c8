"""What sharp lacks, in libvips or Pillow as one would write it: a job is {name, source, mark, output}."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyvips
from PIL import Image, ImageFilter, ImageOps

sys.path.append(str(Path(__file__).parent.parent))

from timing import serve

QUALITY = 80
FOUND: dict[str, Callable[[dict[str, Any]], None]] = {}


def in_libvips(work: Callable[[pyvips.Image], pyvips.Image]) -> Callable[[pyvips.Image], pyvips.Image]:
    """The file streamed through one libvips pipeline to the output."""

    def run(job: dict[str, Any]) -> None:
        image = pyvips.Image.new_from_file(job["source"], access="sequential")
        work(image).jpegsave(job["output"], Q=QUALITY, keep="none")

    FOUND[work.__name__] = run
    return work


def in_memory(work: Callable[[pyvips.Image], pyvips.Image]) -> Callable[[pyvips.Image], pyvips.Image]:
    """The same, for what reads the picture twice."""

    def run(job: dict[str, Any]) -> None:
        work(pyvips.Image.new_from_file(job["source"])).jpegsave(job["output"], Q=QUALITY, keep="none")

    FOUND[work.__name__] = run
    return work


def in_pillow(work: Callable[[Image.Image], Image.Image]) -> Callable[[Image.Image], Image.Image]:
    """The file through Pillow to the output."""

    def run(job: dict[str, Any]) -> None:
        with Image.open(job["source"]) as image:
            work(image).save(job["output"], "JPEG", quality=QUALITY)

    FOUND[work.__name__] = run
    return work


def told(work: Callable[[str], object]) -> Callable[[str], object]:
    """What is read from a file and written nowhere."""
    FOUND[work.__name__] = lambda job: work(job["source"])
    return work


@in_pillow
def unsharp(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.UnsharpMask(2, 100, 0))


@in_pillow
def redact(image: Image.Image) -> Image.Image:
    box = (1000, 1000, 2000, 1800)
    image.paste(image.crop(box).filter(ImageFilter.GaussianBlur(160)), box)
    return image


@in_libvips
def pixelate(image: pyvips.Image) -> pyvips.Image:
    return image.shrink(10, 10).zoom(10, 10)


@in_libvips
def gamma(image: pyvips.Image) -> pyvips.Image:
    return image.gamma(exponent=2.2)


@in_pillow
def duotone(image: Image.Image) -> Image.Image:
    return ImageOps.colorize(image.convert("L"), "#102040", "#ffe0c0")


@in_memory
def equalize(image: pyvips.Image) -> pyvips.Image:
    return image.hist_equal()


@in_libvips
def noise(image: pyvips.Image) -> pyvips.Image:
    grain = pyvips.Image.gaussnoise(image.width, image.height, mean=0, sigma=25.5)
    return (image + grain).cast("uchar")


@in_libvips
def vignette(image: pyvips.Image) -> pyvips.Image:
    place = pyvips.Image.xyz(image.width, image.height) / [image.width / 2, image.height / 2] - 1
    squared = (place[0] * place[0] + place[1] * place[1]) / 2
    return (image * (1 - squared * squared * 0.5)).cast("uchar")


@told
def info(source: str) -> object:
    image = pyvips.Image.new_from_file(source, memory=True)
    _, point = image.smartcrop(
        image.width // 2, image.height // 2, interesting="attention", attention_x=True, attention_y=True
    )
    return image.colourspace("b-w").hist_find().hist_entropy(), point


@told
def blurhash(source: str) -> object:
    return pyvips.Image.thumbnail(source, 64, height=64).write_to_memory()


@told
def thumbhash(source: str) -> object:
    return pyvips.Image.thumbnail(source, 100, height=100).addalpha().write_to_memory()


@told
def palette(source: str) -> object:
    with Image.open(source) as image:
        image.draft("RGB", (256, 256))
        image.thumbnail((128, 128))
        return image.quantize(5, Image.Quantize.MEDIANCUT, kmeans=128).getpalette()


@told
def phash(source: str) -> object:
    with Image.open(source) as image:
        return image.convert("L").resize((32, 32), Image.Resampling.LANCZOS).tobytes()


def thumbnail(job: dict[str, Any]) -> None:
    """libvips' own thumbnail, all frames."""
    image = pyvips.Image.thumbnail(f"{job['source']}[n=-1]", 200, height=10_000)
    image.write_to_file(job["output"], keep="none")


def scaled(job: dict[str, Any]) -> None:
    """Every frame decoded whole and scaled by the kernel."""
    strip = pyvips.Image.new_from_file(f"{job['source']}[n=-1]").copy_memory()
    high = strip.get_page_height()
    frames = [strip.crop(0, top, strip.width, high) for top in range(0, strip.height, high)]
    image = pyvips.Image.arrayjoin([frame.resize(200 / strip.width) for frame in frames], across=1).copy()
    image.set_type(pyvips.GValue.gint_type, "page-height", image.height // len(frames))
    image.write_to_file(job["output"])


def contact_sheet(job: dict[str, Any]) -> None:
    """Two thumbnails side by side."""
    white = [255] * 3
    cells = [pyvips.Image.thumbnail(file, 512, height=512) for file in (job["source"], job["mark"])]
    cells = [cell.flatten(background=white) if cell.hasalpha() else cell for cell in cells]
    cells = [cell.gravity("centre", 512, 512, extend="white") for cell in cells]
    pyvips.Image.arrayjoin(cells, across=2).jpegsave(job["output"], Q=QUALITY, keep="none")


def animate(job: dict[str, Any]) -> None:
    """Two thumbnails one after the other."""
    frames = [pyvips.Image.thumbnail(file, 800, height=600) for file in (job["source"], job["mark"])]
    frames = [frame.flatten(background=[255] * 3) if frame.hasalpha() else frame for frame in frames]
    strip = pyvips.Image.arrayjoin(frames, across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", 600)
    strip.webpsave(job["output"], Q=QUALITY, effort=4, keep="none")


def responsive_set(job: dict[str, Any]) -> None:
    """Three widths in two formats, each width from the next larger one."""
    image = pyvips.Image.thumbnail(job["source"], 1600).copy_memory()
    for width in (1600, 800, 400):
        image = image.thumbnail_image(width).copy_memory() if width < image.width else image
        image.webpsave(f"{job['output']}.{width}.webp", Q=QUALITY, effort=4, keep="none")
        image.jpegsave(f"{job['output']}.{width}.jpg", Q=QUALITY, keep="none")


FOUND |= {
    "responsive_set": responsive_set,
    "thumbnail": thumbnail,
    "scaled": scaled,
    "contact_sheet": contact_sheet,
    "animate": animate,
}

if __name__ == "__main__":
    pyvips.cache_set_max(0)
    serve(lambda job: FOUND[job["name"]](job))
