"""All that PixelFlow can do, inside the cage: a file or a system call that is missing there shows here."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from harness.documents import pdf
from harness.extras import heif, jxl
from harness.pictures import encoded, photo, ultra_hdr
from harness.pooling import outcome, running_pool
from pixelflow.domain.installed import has, writable
from pixelflow.domain.limits import MAX_REFERENCES, MAX_STEPS
from pixelflow.domain.media import SNIFF_BYTES, sniff
from pixelflow.imaging import wire
from pixelflow.operations import fonts
from pixelflow.operations.faces import installed
from pixelflow.operations.registry import operations

STEPS = [
    {"action": "resize", "width": 90, "height": 90, "fit": "contain", "background": "blur"},
    {"action": "thumbnail", "width": 40, "height": 40},
    {"action": "zoom", "x": 1.5},
    {"action": "crop", "aspect_ratio": "1:2"},
    {"action": "trim", "equal_h": True},
    {"action": "rotate", "angle": 30, "background": "#f008"},
    {"action": "flip", "axis": "horizontal"},
    {"action": "auto_orient"},
    {"action": "pad", "top": 3, "color": "green"},
    {"action": "extend", "aspect_ratio": "3:1", "mode": "mirror"},
    {"action": "border", "width": 3, "color": "green"},
    {"action": "round_corners", "radius": "max"},
    {"action": "background", "color": "orange"},
    {"action": "blur", "sigma": 2},
    {"action": "sharpen", "sigma": 1.5},
    {"action": "unsharp"},
    {"action": "pixelate"},
    {"action": "median"},
    {"action": "redact", "regions": [{"x": 5, "y": 5, "width": 20, "height": 20}]},
    {"action": "redact", "faces": True, "mode": "pixelate", "shape": "ellipse"},
    {"action": "resize", "width": 20, "height": 20, "fit": "cover", "gravity": "face"},
    {"action": "convolve", "kernel": [[0, 1, 0], [1, -4, 1], [0, 1, 0]]},
    {"action": "grayscale"},
    {"action": "sepia"},
    {"action": "invert"},
    {"action": "adjust", "brightness": 1.2, "hue": 40},
    {"action": "tint", "color": "orange"},
    {"action": "duotone", "shadow": "navy", "amount": 0.5},
    {"action": "gamma", "value": 1.7},
    {"action": "threshold"},
    {"action": "normalize"},
    {"action": "equalize"},
    {"action": "noise"},
    {"action": "vignette"},
    {"action": "gradient", "color": "orange", "direction": 30},
    {"action": "clahe", "width": 8, "height": 8},
    {"action": "watermark", "image": "mark", "tile": "chess", "rotate": 30, "blend": "screen"},
    {"action": "composite", "layers": [{"image": "mark", "blend": "soft_light", "rotate": 30}]},
    {"action": "text", "text": "Ag ÄÖ 漢 🙂", "color": "red", "stroke": 1},
    *({"action": "text", "text": "漢 Ω Ж", "font": name, "size": 9} for name in fonts.installed()),
    {"action": "text", "text": "Ag", "font": "Noto Sans Bold", "width": "80%", "height": "50%"},
    {"action": "metadata", "keep": ["icc", "copyright"], "set": {"artist": "Ada"}},
    {"action": "contact_sheet", "images": ["mark", "source"], "captions": ["漢 Ω Ж"], "fit": "cover"},
    {"action": "animate", "images": ["mark", "source"], "delay": 40},
    {"action": "animate", "images": ["mark"], "format": "gif"},
    {"action": "metadata", "keep": ["exif", "gainmap"]},
    {"action": "frames", "loop": 2, "delay": 40},
    {"action": "icc", "to": "p3", "format": "png"},
    {"action": "icc", "to": "cmyk", "format": "jpeg"},
    {"action": "icc", "keep": True, "format": "tiff"},
    {"action": "info"},
    {"action": "blurhash"},
    {"action": "thumbhash"},
    {"action": "palette"},
    {"action": "phash"},
    {"action": "responsive_set", "widths": [10, 30], "dprs": [1, 2]},
    {"action": "tiles"},
    {"action": "tiles", "layout": "iiif3", "format": "webp", "size": 64},
]
if not installed():
    STEPS = [step for step in STEPS if "faces" not in step and step.get("gravity") != "face"]
ENCODINGS = [
    *({"format": name} for name in writable()),
    {"format": "jpeg", "progressive": True, "quality": 95},
    {"format": "png", "palette": True},
    {"format": "png", "bit_depth": 16},
    {"format": "webp", "lossless": True},
    {"format": "webp", "near_lossless": True},
    {"format": "webp", "effort": 6},
    {"format": "avif", "lossless": True},
    {"format": "avif", "bit_depth": 10},
    {"format": "auto"},
    {"format": "auto", "lossless": True},
    {"format": "webp", "max_bytes": 300},
    {"format": "avif", "auto_quality": {"metric": "dssim"}},
    *({"format": "heic", "bit_depth": 10} for _ in range(has("heif"))),
    *({"format": "jxl", "lossless": True} for _ in range(has("jxl"))),
]

EXTREMES = [
    {"action": "resize", "width": 1, "height": 1, "fit": "cover", "gravity": "attention"},
    {"action": "resize", "width": 7, "height": 7, "fit": "cover", "gravity": "entropy"},
    {"action": "resize", "width": 65535, "height": 65535, "fit": "fill", "enlarge": True},
    {"action": "resize", "width": 65535, "height": 65535},
    {"action": "resize", "width": 900, "height": 900, "fit": "contain", "background": "blur"},
    {"action": "resize", "width": 900, "height": 900, "fit": "contain", "background": "auto"},
    {"action": "resize", "width": "0.001%", "linear": True},
    {"action": "zoom", "x": 65535, "y": 65535},
    {"action": "zoom", "x": 0.00001, "y": 0.00001},
    {"action": "crop", "x": 5, "y": 0, "width": 65535, "height": 65535},
    {"action": "crop", "width": 65535, "height": 65535},
    {"action": "crop", "aspect_ratio": 1000, "gravity": "attention"},
    {"action": "crop", "width": 1, "height": 1, "gravity": "entropy"},
    {"action": "trim", "threshold": 255, "margin": 65535},
    {"action": "trim", "threshold": 0, "color": "transparent"},
    {"action": "pad", "top": 65535, "left": 65535},
    {"action": "extend", "aspect_ratio": 1000},
    {"action": "extend", "aspect_ratio": "1:2", "mode": "mirror"},
    {"action": "extend", "aspect_ratio": "2:1", "mode": "blur"},
    {"action": "border", "width": 65535},
    {"action": "round_corners", "radius": 65535},
    {"action": "rotate", "angle": 0.01},
    {"action": "rotate", "angle": 45},
    {"action": "blur", "sigma": 250},
    {"action": "sharpen", "sigma": 10, "jagged": 100},
    {"action": "unsharp", "sigma": 250, "amount": 10},
    {"action": "pixelate", "size": 500},
    {"action": "median", "size": 51},
    {"action": "convolve", "kernel": [[1] * 7] * 7},
    {"action": "clahe", "width": 65535, "height": 65535, "max_slope": 100},
    {"action": "noise", "amount": 1},
    {"action": "gradient", "direction": 45, "start": 1, "stop": 1},
    {"action": "watermark", "image": "mark", "scale": 10},
    {"action": "watermark", "image": "mark", "width": 65535},
    {"action": "watermark", "image": "mark", "tile": "grid", "scale": 0.001},
    {"action": "watermark", "image": "mark", "x": -65535, "y": 65535, "rotate": 33},
    {"action": "text", "text": "W" * 200, "size": 1000},
    {"action": "text", "text": "W", "size": 1},
    {"action": "text", "text": "W", "width": 1, "height": 1},
    {"action": "frames", "page": 0},
    {"action": "frames", "page": 5},
    {"action": "palette", "colors": 64},
    {"action": "blurhash", "x_components": 9, "y_components": 9},
]
"""Parameters at the ends of their ranges."""
HARD_MEMORY_BYTES = 1 << 30
HARD_SECONDS = 20


def hard() -> dict[str, bytes]:
    """Pictures at the ends of what is accepted, as PNG or in what has room for them."""
    picture = photo(48, 36)
    deep = np.asarray(picture).astype(np.uint16) * 257
    nothing = Image.new("RGBA", (48, 36), (200, 0, 0, 0))
    return {
        "1 × 1": encoded(photo(1, 1), "PNG"),
        "16,384 × 1": encoded(photo(16384, 1), "PNG"),
        "1 × 16,384": encoded(photo(1, 16384), "PNG"),
        "1 × 16,384 jpeg": encoded(photo(1, 16384), "JPEG"),
        "1 × 16,383 webp": encoded(photo(1, 16383), "WEBP"),
        "one colour": encoded(Image.new("RGB", (48, 36), "teal"), "PNG"),
        "transparent": encoded(nothing, "PNG"),
        "two frames": encoded(picture, "GIF", save_all=True, append_images=[picture.rotate(90)]),
        "frames of 1 × 1": encoded(photo(1, 1), "GIF", save_all=True, append_images=[photo(1, 1, 7)]),
        "1 × 1 in CMYK": encoded(photo(1, 1).convert("CMYK"), "JPEG"),
        "black or white": encoded(photo(1, 1).convert("1"), "PNG"),
        "16 bits": pyvips.Image.new_from_array(deep).copy(interpretation="rgb16").pngsave_buffer(),
    }


def sources() -> dict[str, bytes]:
    picture = photo(48, 36)
    tags = Image.Exif()
    tags[0x0112] = 6
    tags[0x8298] = "© Ada"
    return {
        "jpeg with EXIF": encoded(picture, "JPEG", exif=tags),
        "ultra HDR jpeg": ultra_hdr(6),
        "CMYK jpeg": encoded(picture.convert("CMYK"), "JPEG"),
        "png with alpha": encoded(picture.convert("RGBA"), "PNG"),
        "palette png": encoded(picture.quantize(16), "PNG"),
        "webp": encoded(picture, "WEBP"),
        "animated gif": encoded(picture, "GIF", save_all=True, append_images=[picture.rotate(90)]),
        "animated webp": encoded(picture, "WEBP", save_all=True, append_images=[picture.rotate(90)]),
        "tiff": encoded(picture, "TIFF"),
        "tiff in deflate": encoded(picture, "TIFF", compression="tiff_deflate"),
        "avif": encoded(picture, "AVIF"),
        "bmp": encoded(picture, "BMP"),
        "ico": encoded(picture, "ICO", bitmap_format="bmp", sizes=[(32, 24)]),
        "jp2": encoded(picture, "JPEG2000"),
        "animated avif": encoded(picture, "AVIF", save_all=True, append_images=[picture.rotate(90)]),
        "apng": encoded(picture, "PNG", save_all=True, append_images=[picture.rotate(90)]),
        **({"pdf": pdf((48, 36))} if has("pdf") else {}),
        **({"heic": heif(picture)} if has("heif") else {}),
        **({"jxl": jxl(picture)} if has("jxl") else {}),
    }


def test_every_operation_is_tried() -> None:
    assert {step["action"] for step in STEPS} == set(operations())


@pytest.mark.parametrize("kind", sources())
async def test_every_operation_and_encoding_works_in_the_cage(tmp_path: Path, kind: str) -> None:
    mark = encoded(photo(16, 16).convert("RGBA"), "PNG")
    named = [{"id": f"s{number}", "on_error": "skip", **step} for number, step in enumerate(STEPS)]
    written = [
        {"id": f"e{number}", "action": "thumbnail", "width": 24, **encoding}
        for number, encoding in enumerate(ENCODINGS)
    ]
    pipelines = [
        steps[start : start + MAX_STEPS]
        for steps in (named, written)
        for start in range(0, len(steps), MAX_STEPS)
    ]
    async with running_pool(tmp_path) as bench:
        for steps in pipelines:
            done = await outcome(bench.submit(*steps, source=sources()[kind], assets={"mark": mark}))
            assert isinstance(done, wire.Finished), done
            assert done.skipped == []
            assert [each.step for each in done.made] == [step["id"] for step in steps]


async def test_what_comes_out_of_the_cage_is_a_picture(tmp_path: Path) -> None:
    steps = [{"id": name, "action": "thumbnail", "width": 24, "format": name} for name in writable()]
    async with running_pool(tmp_path) as bench:
        outputs = [bench.file() for _ in steps]
        await outcome(bench.submit(*steps, outputs=outputs))
        for name, output in zip(writable(), outputs, strict=True):
            content = bench.content(output)
            assert sniff(content[:SNIFF_BYTES]) == {"apng": "png"}.get(name, name)
            if name != "heic":
                picture = Image.open(BytesIO(content))
                assert (picture.format, picture.width) == (sniff(content[:SNIFF_BYTES]).upper(), 24)


async def test_as_many_pictures_as_may_be_referred_to_go_into_the_cage(tmp_path: Path) -> None:
    large = encoded(photo(800, 600))
    assets = {f"a{number}": large for number in range(MAX_REFERENCES)}
    sheets = [
        {"id": f"s{number}", "action": "contact_sheet", "images": list(assets), "width": 40 + number}
        for number in range(MAX_STEPS)
    ]
    async with running_pool(tmp_path) as bench:
        outputs = [bench.file() for _ in sheets]
        done = await outcome(bench.submit(*sheets, source=large, assets=assets, outputs=outputs))

        assert isinstance(done, wire.Finished), done
        assert Image.open(BytesIO(bench.content(outputs[0]))).size == (8 * 48 + 8, 8 * 264 + 8)


@pytest.mark.parametrize("kind", hard())
async def test_a_hard_picture_gives_a_result_or_a_sentence(tmp_path: Path, kind: str) -> None:
    """Whatever is asked of it, in little memory and no long time; no decoder dies of it."""
    source, mark = hard()[kind], encoded(photo(16, 16).convert("RGBA"), "PNG")
    named = [
        {"id": f"s{number}", "on_error": "skip", **written_as(step["action"]), **step}
        for number, step in enumerate([*STEPS, *EXTREMES])
    ]
    async with running_pool(tmp_path, memory_bytes=HARD_MEMORY_BYTES, job_seconds=HARD_SECONDS) as bench:
        for start in range(0, len(named), MAX_STEPS):
            steps = named[start : start + MAX_STEPS]
            outputs = [bench.file() for _ in steps]
            done = await outcome(bench.submit(*steps, source=source, outputs=outputs, assets={"mark": mark}))
            assert isinstance(done, wire.Finished), done
            made = {each.step: each for each in done.made}
            for skipped in done.skipped:
                assert skipped.code in {"invalid", "limit"}, skipped
                assert len(skipped.message) > 10
            assert made.keys().isdisjoint(skipped.step for skipped in done.skipped)
            assert len(done.made) + len(done.skipped) == len(steps)
            for step, output in zip(steps, outputs, strict=True):
                if step["id"] in made:
                    check(made[step["id"]], bench.content(output))


def written_as(action: str) -> dict[str, str]:
    """A format for pictures of any size, where it makes one."""
    if operations()[action].produces != "image":
        return {}
    return {"format": "webp" if action == "animate" else "tiff"}


def check(made: wire.Made, content: bytes) -> None:
    """That the file is what was told of it."""
    if made.format == "json":
        assert json.loads(content)
    elif made.width:
        with Image.open(BytesIO(content)) as picture:
            assert picture.size == (made.width, made.height)
            picture.load()
