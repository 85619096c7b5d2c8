"""From a file to files: one decode, right sizes, shared work, skipped steps."""

import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from harness.operating import psnr
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError

PHOTO = photo(1200, 800)
JPEG = encoded(PHOTO, quality=95, subsampling=0)


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "avif", "gif", "tiff"])
def test_every_format_goes_in_and_comes_out(form):
    small = PHOTO.resize((90, 60))
    source = encoded(small, form.upper())

    out = rendered(source, {"action": "thumbnail", "width": 45, "format": form})

    assert out.picture.format == form.upper()
    assert out.picture.size == (45, 30)
    made = out.finished.made[0]
    assert (made.format, made.width, made.height) == (form, 45, 30)
    assert (out.finished.source.format, out.finished.source.width) == (form, 90)


def test_the_same_format_as_the_source_is_the_default():
    for form in ("JPEG", "PNG", "WEBP", "GIF"):
        assert rendered(encoded(PHOTO, form), {"action": "thumbnail", "width": 40}).picture.format == form


@pytest.mark.parametrize("width", [1199, 800, 601, 600, 301, 300, 151, 150, 75, 37, 1])
@pytest.mark.parametrize("form", ["JPEG", "WEBP", "PNG"])
def test_sizes_are_exact_however_much_was_shrunk_while_decoding(width, form):
    out = rendered(encoded(PHOTO, form), {"action": "thumbnail", "width": width, "format": "png"})

    assert out.picture.size == (width, max(1, round(800 * width / 1200 + 1e-9)))


def test_a_percentage_is_of_the_true_size():
    big = encoded(photo(1003, 1001))

    out = rendered(big, {"action": "resize", "width": "10%", "height": "5%", "fit": "fill", "format": "png"})

    assert out.picture.size == (100, 50)


def test_smaller_outputs_made_from_larger_ones_look_as_if_made_from_the_source():
    widths = (600, 300, 150, 64)
    steps = [{"id": f"w{w}", "action": "thumbnail", "width": w, "format": "png"} for w in widths]

    out = rendered(JPEG, *steps)

    full = Image.open(BytesIO(JPEG))
    for width in widths:
        height = int(800 * width / 1200 + 0.5)
        wanted = np.asarray(full.resize((width, height), Image.Resampling.LANCZOS))
        found = np.asarray(Image.open(BytesIO(out.files[f"w{width}"])))
        assert found.shape == wanted.shape
        assert psnr(found, wanted) > 36


def test_steps_follow_each_other_as_from_says():
    out = rendered(
        JPEG,
        {"id": "small", "action": "thumbnail", "width": 300, "format": "png", "output": False},
        {"id": "grey", "action": "grayscale", "from": "small", "format": "png"},
        {"id": "tiny", "action": "thumbnail", "width": 30, "from": "grey", "format": "png"},
    )

    assert set(out.files) == {"grey", "tiny"}
    assert [made.step for made in out.finished.made] == ["grey", "tiny"]
    tiny = Image.open(BytesIO(out.files["tiny"]))
    assert (tiny.mode, tiny.size) == ("L", (30, 20))


def test_a_crop_gets_true_pixels_beside_a_thumbnail():
    out = rendered(
        encoded(PHOTO, "PNG"),
        {"id": "small", "action": "thumbnail", "width": 30, "format": "png"},
        {"id": "cut", "action": "crop", "x": 500, "y": 300, "width": 100, "height": 50, "format": "png"},
    )

    found = np.asarray(Image.open(BytesIO(out.files["cut"])))
    assert np.array_equal(found, np.asarray(PHOTO)[300:350, 500:600])


def test_a_picture_stays_for_a_smaller_sibling_after_what_follows_from_it():
    out = rendered(
        encoded(photo(128, 128), "TIFF"),
        {"id": "small", "action": "resize", "width": 40, "format": "png"},
        {"id": "large", "action": "resize", "width": 100, "output": False},
        {"id": "turned", "action": "flip", "axis": "both", "from": "large", "format": "png"},
    )

    assert {name: Image.open(BytesIO(file)).size for name, file in out.files.items()} == {
        "small": (40, 40),
        "turned": (100, 100),
    }


def test_a_picture_stays_for_all_that_wait_for_another():
    mark = {"action": "watermark", "image": "step:late", "from": "early", "format": "png"}
    out = rendered(
        JPEG,
        {"id": "early", "action": "blur", "output": False},
        {"id": "one", **mark},
        {"id": "two", **mark, "opacity": 0.5},
        {"id": "late", "action": "crop", "width": 90, "height": 60, "format": "png"},
    )

    assert list(out.files) == ["one", "two", "late"]
    assert out.files["one"] != out.files["two"]


def test_a_step_that_may_fail_is_skipped_with_what_follows_from_it():
    out = rendered(
        JPEG,
        {"id": "good", "action": "thumbnail", "width": 30},
        {"id": "bad", "action": "crop", "x": 5000, "y": 0, "width": 10, "height": 10, "on_error": "skip"},
        {"id": "after", "action": "grayscale", "from": "bad"},
    )

    assert set(out.files) == {"good"}
    assert [one.step for one in out.finished.skipped] == ["bad", "after"]
    assert {one.code for one in out.finished.skipped} == {"invalid"}


def test_a_step_that_must_not_fail_ends_the_job_by_its_name():
    with pytest.raises(ImageError) as found:
        rendered(JPEG, {"id": "bad", "action": "crop", "x": 5000, "y": 0, "width": 10, "height": 10})

    assert (found.value.code, found.value.step) == ("invalid", "bad")


def test_a_skipped_output_is_not_said_to_be_made():
    out = rendered(
        encoded(PHOTO, "PNG"),
        {"id": "big", "action": "thumbnail", "width": 600, "format": "png", "on_error": "skip"},
        {"id": "small", "action": "thumbnail", "width": 30, "format": "png"},
        max_output_bytes=20_000,
    )

    assert [made.step for made in out.finished.made] == ["small"]
    assert [(one.step, one.code) for one in out.finished.skipped] == [("big", "limit")]
    assert "MAX_OUTPUT_BYTES" in out.finished.skipped[0].message


def test_info_tells_the_source_as_json():
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    source = encoded(photo(64, 48), exif=exif.tobytes())

    out = rendered(source, {"action": "info"})

    facts = json.loads(out.file)
    assert (facts["format"], facts["width"], facts["height"], facts["frames"]) == ("jpeg", 64, 48, 1)
    assert (facts["depth"], facts["channels"], facts["alpha"]) == (8, 3, False)
    assert facts["exif"]["Make"] == "Maker"
    assert out.finished.made[0].format == "json"


def test_a_watermark_is_decoded_from_its_asset():
    mark = encoded(Image.new("RGBA", (20, 10), (255, 0, 0, 255)), "PNG")

    out = rendered(
        encoded(Image.new("RGB", (200, 100), "white"), "PNG"),
        {"action": "watermark", "image": "mark", "gravity": "north_west", "width": 20, "margin": 0},
        assets={"mark": mark},
    )

    assert tuple(out.pixels[2, 2][:3]) == (255, 0, 0)
    assert tuple(out.pixels[90, 190][:3]) == (255, 255, 255)


def test_an_asset_that_is_no_picture_says_so():
    with pytest.raises(ImageError, match="asset mark: the file is not an image") as found:
        rendered(
            JPEG, {"id": "wm", "action": "watermark", "image": "mark"}, assets={"mark": b"hello, world" * 9}
        )

    assert (found.value.code, found.value.step) == ("unsupported", "wm")


def test_progress_and_seconds_tell_what_was_done():
    out = rendered(JPEG, {"action": "thumbnail", "width": 30}, {"action": "blur", "sigma": 2})

    assert out.progress[-1] == 100
    assert sorted(out.progress) == out.progress
    assert {"decode", "encode", "thumbnail", "blur"} == set(out.finished.seconds)
    assert all(value >= 0 for value in out.finished.seconds.values())
