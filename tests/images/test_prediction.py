"""What is told of a pipeline before it runs is what comes out of it."""

import importlib
import os
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as some
from PIL import Image

from harness.anything import ASSET, pipelines
from harness.pictures import encoded, photo
from harness.rendering import SHARED, probed, rendered
from pixelflow.domain.errors import ImageError
from pixelflow.domain.limits import ImageLimits
from pixelflow.domain.media import sniff
from pixelflow.imaging import wire
from pixelflow.imaging.prediction import predict
from pixelflow.operations.pipeline import parse

EXAMPLES = int(os.environ.get("PLAN_EXAMPLES", "60"))
LIMITS = {"max_image_side": 400, "max_image_area": 60_000, "max_image_frames_area": 200_000}
OPAQUE_DROPPED = {"webp", "gif", "png", "auto"}
"""Formats whose files have no alpha channel where nothing shows through: of PNG those with a palette."""


@cache
def sources() -> dict[str, bytes]:
    """Small pictures of every kind."""
    rgb = photo(37, 24)
    alpha = Image.fromarray(np.asarray(photo(37, 24, 5))[..., 0])
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    frames = [photo(16, 12, seed).convert("RGBA") for seed in range(3)]
    moving = {"save_all": True, "append_images": frames[1:], "duration": 50}
    wide = pyvips.Image.new_from_array(np.asarray(rgb).astype(np.uint16) * 257).copy(interpretation="rgb16")
    turned = Image.Exif()
    turned[0x0112] = 6
    return {
        "jpeg": encoded(rgb),
        "turned": encoded(rgb, exif=turned),
        "grey": encoded(rgb.convert("L"), "PNG"),
        "grey-alpha": encoded(Image.merge("LA", [rgb.convert("L"), alpha]), "PNG"),
        "alpha": encoded(rgba, "PNG"),
        "webp": encoded(rgba, "WEBP"),
        "deep": wide.pngsave_buffer(),
        "deep-alpha": wide.bandjoin(30000).tiffsave_buffer(),
        "cmyk": encoded(rgb.convert("CMYK")),
        "gif": encoded(frames[0], "GIF", **moving),
        "moving": encoded(frames[0], "WEBP", lossless=True, **moving),
        "dot": encoded(rgb.crop((0, 0, 1, 1)), "PNG"),
        "line": encoded(rgb.resize((300, 1)), "PNG"),
        "palette": encoded(rgb.convert("P"), "PNG"),
    }


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
@given(steps=pipelines(), kind=some.sampled_from(sorted(sources())))
def test_a_random_pipeline_makes_what_was_told(steps: list[dict[str, Any]], kind: str) -> None:
    source, assets = sources()[kind], {ASSET: sources()["alpha"]}
    plan = predict(parse(steps), probed(source), ImageLimits(**LIMITS))
    note(repr(plan))

    failing = {each.step for each in plan.warnings if each.code in {"over_limit", "cannot_be_done"}}

    error = None
    try:
        done = rendered(source, *steps, assets=assets, **LIMITS)
    except ImageError as refused:
        error = refused
    if error is not None:
        event(f"{error.code}, told: {error.step in failing}")
        assert error.code in wire.PICTURE_CODES
        sizes_unknown = any(each.code == "size_unknown" for each in plan.warnings)
        assert error.code != "limit" or error.step in failing or sizes_unknown
        return

    left_out = {each.step for each in done.finished.skipped}
    assert failing <= left_out
    assert [each.id for each in plan.outputs if each.id not in left_out] == list(done.files)
    for told in plan.outputs:
        if told.id in done.files:
            check(told, done.files[told.id])
    again = rendered(source, *steps, assets=assets, **LIMITS)
    assert again.files == done.files


SHAPES: list[dict[str, Any]] = [
    {"id": "same", "action": "thumbnail", "width": 200, "height": 150},
    {"id": "odd", "action": "resize", "width": "33.3%", "format": "jpeg"},
    {"id": "cover", "action": "resize", "width": 90, "height": 77, "fit": "cover", "format": "webp"},
    {"id": "down", "action": "resize", "width": 99, "height": 300, "fit": "cover_down", "format": "png"},
    {"id": "outside", "action": "resize", "width": 120, "height": 80, "fit": "outside", "format": "jpeg"},
    {"id": "contain", "action": "resize", "width": 131, "height": 60, "fit": "contain", "format": "png"},
    {"id": "small", "action": "resize", "width": 101, "output": False},
    {"id": "rotate", "action": "rotate", "angle": 33.3, "from": "small", "format": "webp"},
    {"id": "turn", "action": "rotate", "angle": 270, "from": "small", "format": "tiff"},
    {"id": "zoom", "action": "zoom", "x": 1.37, "y": 0.61, "from": "small", "format": "gif", "effort": 1},
    {"id": "crop", "action": "crop", "aspect_ratio": "16:9", "from": "small", "format": "png"},
    {"id": "part", "action": "crop", "width": "47%", "height": 31, "from": "small", "format": "webp"},
    {"id": "pad", "action": "pad", "left": "7%", "top": 3, "from": "small", "format": "jpeg"},
    {"id": "wide", "action": "extend", "aspect_ratio": 2.39, "from": "small", "format": "png"},
    {"id": "border", "action": "border", "width": "3%", "color": "#0008", "from": "small", "format": "webp"},
    {"id": "flat", "action": "background", "from": "rotate", "format": "png"},
]
"""Everything that changes a shape."""
CORPORA = [
    each
    for folder in ("formats", "photos", "orientation")
    if (SHARED / folder).is_dir()
    for each in sorted((SHARED / folder).iterdir())
]


@pytest.mark.skipif(not CORPORA, reason="needs ../shared/images")
@pytest.mark.parametrize("file", CORPORA, ids=lambda file: file.name)
def test_the_shapes_of_real_pictures_are_what_was_told(file: Path) -> None:
    source = file.read_bytes()
    try:
        plan = predict(parse(SHAPES), probed(source), ImageLimits())
    except ImageError:
        pytest.skip("no picture that is read here")

    done = rendered(source, *SHAPES)

    for told in plan.outputs:
        check(told, done.files[told.id])


def check(told: Any, file: bytes) -> None:
    """An output is as it was told; what was not told may be anything."""
    if told.format in {"json", "zip"}:
        assert file.startswith({"json": b"{", "zip": b"PK"}[told.format])
        return
    assert sniff(file[:144]) == {"apng": "png"}.get(told.format, told.format)
    made = seen(file, told.format)
    assert told.width in {None, made.width}
    assert told.height in {None, made.height}
    if told.frames is not None:  # frames that came out alike are one in the file, shown the longer
        assert 1 <= made.frames <= told.frames
    if told.alpha and not made.alpha:
        assert told.format in OPAQUE_DROPPED
    if told.alpha is False and made.alpha:  # as every GIF and every moving WebP has
        assert told.format in {"gif", "webp"}
        assert made.opaque


@dataclass(frozen=True)
class Seen:
    """A file as an independent reader sees it."""

    width: int
    height: int
    frames: int
    alpha: bool
    opaque: bool


def seen(file: bytes, name: str) -> Seen:
    """By Pillow what libvips reads the first frame of alone, or not at all."""
    if name == "jxl":
        importlib.import_module("pillow_jxl")  # Pillow knows the format once this was imported
    if name in {"apng", "avif", "jxl"}:
        with Image.open(BytesIO(file)) as picture:
            alpha = "A" in picture.getbands()
            return Seen(*picture.size, getattr(picture, "n_frames", 1), alpha=alpha, opaque=not alpha)
    made = pyvips.Image.new_from_buffer(file, "n=-1" if name in {"gif", "webp"} else "")
    height = made.get_page_height()
    opaque = name in {"gif", "webp"} and (not made.hasalpha() or made[made.bands - 1].min() >= 255)
    return Seen(made.width, height, made.height // height, alpha=made.hasalpha(), opaque=opaque)
