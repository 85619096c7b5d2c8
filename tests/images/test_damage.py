"""A broken file is an error in one sentence, never grey bars."""

from pathlib import Path

import pytest
import pyvips
from PIL import Image

from harness.pictures import encoded, photo
from harness.rendering import SHARED, rendered
from pixelflow.domain.errors import ImageError
from pixelflow.operations.base import Context
from pixelflow.operations.colors import Invert

PHOTO = photo(300, 200)
LARGE = photo(1600, 1500)
"""Large enough to stream."""
FILES = {
    "jpeg": encoded(PHOTO, quality=90),
    "progressive jpeg": encoded(PHOTO, quality=90, progressive=True),
    "grey jpeg": encoded(PHOTO.convert("L"), quality=90),
    "cmyk jpeg": encoded(PHOTO.convert("CMYK"), quality=90),
    "png": encoded(PHOTO, "PNG"),
    "webp": encoded(PHOTO, "WEBP"),
    "lossless webp": encoded(PHOTO, "WEBP", lossless=True),
    "gif": encoded(PHOTO, "GIF"),
    "tiff": encoded(PHOTO, "TIFF", compression="tiff_lzw"),
    "avif": encoded(PHOTO, "AVIF"),
    "bmp": encoded(PHOTO, "BMP"),
    "jp2": encoded(PHOTO, "JPEG2000"),
    "ico": encoded(PHOTO, "ICO", sizes=[(240, 160)]),
    "bmp in an ico": encoded(PHOTO, "ICO", sizes=[(240, 160)], bitmap_format="bmp"),
}
STEPS = {
    "scaled": {"action": "thumbnail", "width": 30, "format": "png"},
    "whole": {"action": "blur", "sigma": 1, "format": "png"},
}


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_an_error(name, kept, steps):
    content = FILES[name]

    with pytest.raises(ImageError) as found:
        rendered(content[: int(len(content) * kept)], STEPS[steps])

    assert found.value.code == "corrupt"
    assert name.split()[-1] in found.value.detail
    assert "truncated or damaged" in found.value.detail
    assert "\n" not in found.value.detail
    assert "/" not in found.value.detail.split("(")[0]


@pytest.mark.parametrize("name", FILES)
def test_the_whole_file_is_none(name):
    assert rendered(FILES[name], STEPS["scaled"]).picture.size == (30, 20)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_damage_is_told_by_a_step_that_reads_another_one_as_it_streams(kind):
    content = encoded(LARGE, kind)
    steps = [
        {"id": "part", "action": "crop", "x": 100, "output": False},
        {"id": "made", "from": "part", "action": "invert", "format": "jpeg"},
    ]

    assert rendered(content, *steps).picture.size == (1500, 1500)
    with pytest.raises(ImageError) as found:
        rendered(content[: len(content) // 2], *steps)
    assert found.value.code == "corrupt"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    "step",
    [
        {"action": "crop", "x": 0, "y": 0, "width": 300, "height": 300},
        {"action": "resize", "width": 1600, "height": 200, "fit": "cover", "gravity": "north"},
        {"action": "blur", "sigma": 2},
        {"action": "grayscale"},
    ],
    ids=lambda step: step["action"],
)
def test_damage_below_what_a_step_looks_at_is_told(kind, step):
    content = encoded(LARGE, kind)

    rendered(content, {**step, "format": "jpeg"})
    with pytest.raises(ImageError) as found:
        rendered(content[: len(content) * 3 // 4], {**step, "format": "jpeg"})

    assert found.value.code == "corrupt"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_damage_below_what_a_later_step_cuts_out_is_told(kind):
    content = encoded(LARGE, kind)
    steps = [
        {"id": "grey", "action": "grayscale", "output": False},
        {
            "id": "made",
            "from": "grey",
            "action": "crop",
            "x": 0,
            "y": 0,
            "width": 300,
            "height": 300,
            "format": "png",
        },
    ]

    assert rendered(content, *steps).picture.size == (300, 300)
    with pytest.raises(ImageError) as found:
        rendered(content[: len(content) * 3 // 4], *steps)
    assert found.value.code == "corrupt"


def beyond(operation: Invert, image: pyvips.Image, context: Context) -> pyvips.Image:
    """What libvips refuses, of any picture."""
    return image.crop(image.width, 0, 1, 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_what_an_operation_fails_at_is_no_damage_of_the_file_that_it_reads(kind, monkeypatch):
    monkeypatch.setattr(Invert, "apply", beyond)
    content, step = encoded(LARGE, kind), {"id": "it", "action": "invert", "format": "jpeg"}

    with pytest.raises(ImageError) as found:
        rendered(content, step)
    assert (found.value.code, found.value.step) == ("invalid", "it")
    assert found.value.detail.startswith("invert cannot be done: extract_area")

    with pytest.raises(ImageError) as found:
        rendered(content[: len(content) * 3 // 4], step)
    assert found.value.code == "corrupt"


def test_a_step_that_fails_in_a_stream_may_be_left_out(monkeypatch):
    monkeypatch.setattr(Invert, "apply", beyond)
    grey = {"id": "grey", "action": "grayscale", "output": False}
    made = {"id": "made", "from": "grey", "action": "invert", "on_error": "skip"}

    (skipped,) = rendered(encoded(LARGE, "PNG"), grey, made).finished.skipped

    assert (skipped.step, skipped.code) == ("made", "invalid")


@pytest.mark.parametrize("search", [{"max_bytes": 400_000}, {"format": "auto"}])
def test_a_stream_is_kept_where_several_files_are_made_of_it(search):
    content = encoded(LARGE.convert("RGBA"), "PNG")

    made = rendered(content, {"action": "invert", "format": "webp", "effort": 0, **search})

    assert made.picture.size == LARGE.size


def test_damage_is_not_passed_over_where_a_step_may_be():
    with pytest.raises(ImageError) as found:
        rendered(FILES["png"][:9000], STEPS["scaled"] | {"on_error": "skip"})

    assert found.value.code == "corrupt"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "empty"),
        (b"hello, world, this is not a picture", "not an image of a known kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a svg file"),
        (b"8BPS" + bytes(60), "a psd file"),
    ],
)
def test_what_is_no_accepted_picture_is_named(content, named):
    with pytest.raises(ImageError, match=named) as found:
        rendered(content, STEPS["scaled"])

    assert found.value.code == "unsupported"


def test_bytes_after_the_picture_do_no_harm():
    assert rendered(FILES["jpeg"] + bytes(1000), STEPS["scaled"]).picture.size == (30, 20)


def hostile() -> list[Path]:
    return sorted((SHARED / "hostile").iterdir()) if (SHARED / "hostile").is_dir() else []


@pytest.mark.skipif(not hostile(), reason="the hostile pictures are not here")
@pytest.mark.parametrize("steps", STEPS)
def test_every_hostile_file_ends_in_a_picture_or_an_error(steps):
    ends = {"made": 0, "corrupt": 0, "unsupported": 0, "limit": 0, "invalid": 0}
    for path in hostile():
        try:
            out = rendered(path.read_bytes(), STEPS[steps], max_image_area=4_000_000)
            assert isinstance(out.picture, Image.Image), path.name
            ends["made"] += 1
        except ImageError as error:
            ends[error.code] += 1

    assert ends["corrupt"] > 20
    assert ends["made"] > 20
