"""Ultra HDR: the gain map is kept or dropped as told, and follows the picture where it goes."""

from io import BytesIO

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageOps

from harness.operating import psnr
from harness.pictures import encoded, light, photo, ultra_hdr
from harness.rendering import SHARED, rendered

KEEP = {"action": "metadata", "keep": ["gainmap"], "format": "jpeg"}
SIZE, SMALL = (160, 120), (40, 30)


def pictures(content: bytes) -> list[Image.Image]:
    """The JPEGs that lie one behind the other in a file, as Pillow decodes them."""
    starts = [0]
    end = content.find(b"\xff\xd9")
    while end >= 0:
        after = content.find(b"\xff\xd8\xff", end)
        if after < 0:
            break
        starts.append(after)
        end = content.find(b"\xff\xd9", after)
    return [Image.open(BytesIO(content[start:])) for start in starts]


def gain_of(content: bytes) -> np.ndarray:
    picture, gain = pictures(content)
    assert gain.size[0] < picture.size[0]
    assert b"urn:iso:std:iso:ts:21496" in content
    return np.asarray(gain.convert("L"))


def test_the_source_is_what_it_is_meant_to_be():
    picture, gain = pictures(ultra_hdr())

    assert (picture.size, gain.size) == (SIZE, SMALL)
    assert psnr(np.asarray(gain), np.asarray(light())) > 35


@pytest.mark.parametrize(
    "steps",
    [
        [{"action": "thumbnail", "width": 80, "format": "jpeg"}],
        [{"action": "metadata", "format": "jpeg"}],
        [{"action": "metadata", "drop": ["gainmap"], "format": "jpeg"}],
        [{"action": "metadata", "keep": ["icc", "exif", "xmp"], "format": "jpeg"}],
    ],
)
def test_it_goes_unless_it_is_kept(steps):
    made = rendered(ultra_hdr(), *steps).file

    assert len(pictures(made)) == 1
    assert b"hdr-gain-map" not in made
    assert b"21496" not in made


@pytest.mark.parametrize("keep", [{"keep": ["gainmap"]}, {"drop": ["gps"]}])
def test_it_stays_where_it_is_kept(keep):
    source = ultra_hdr()

    made = rendered(source, {"action": "metadata", "format": "jpeg", "quality": 95, **keep}).file

    assert psnr(gain_of(made), gain_of(source)) > 40
    assert psnr(np.asarray(pictures(made)[0]), np.asarray(photo(*SIZE, seed=2))) > 33
    before, after = (pyvips.Image.uhdrload_buffer(content) for content in (source, made))
    for name in before.get_fields():
        if name.startswith("gainmap-") and name != "gainmap-data":
            assert after.get(name) == pytest.approx(before.get(name), rel=1e-3), name


def flipped(array: np.ndarray) -> np.ndarray:
    return array[:, ::-1]


MOVES = [
    ({"action": "thumbnail", "width": 80}, lambda gain: gain),
    ({"action": "zoom", "x": 0.5, "y": 0.5}, lambda gain: gain),
    ({"action": "flip", "axis": "horizontal"}, flipped),
    ({"action": "flip", "axis": "both"}, lambda gain: gain[::-1, ::-1]),
    ({"action": "rotate", "angle": 90}, lambda gain: np.rot90(gain, -1)),
    ({"action": "crop", "x": 80, "y": 0, "width": 80, "height": 60}, lambda gain: gain[:15, 20:]),
    (
        {"action": "crop", "width": "50%", "height": "50%", "gravity": "south_west"},
        lambda gain: gain[15:, :20],
    ),
    ({"action": "resize", "width": 60, "height": 60, "fit": "cover"}, lambda gain: gain[:, 5:35]),
    ({"action": "resize", "width": 60, "height": 90, "fit": "cover", "gravity": "east"}, lambda g: g[:, 20:]),
    ({"action": "auto_orient"}, lambda gain: gain),
]


@pytest.mark.parametrize(("step", "moved"), MOVES)
@pytest.mark.parametrize("first", ["move", "keep"])
def test_it_moves_with_the_picture(step, moved, first):
    order = [step, KEEP] if first == "move" else [KEEP, step | {"format": "jpeg"}]
    (one, other) = order
    source = ultra_hdr()

    made = rendered(source, {"id": "a", **one, "output": False}, {"id": "b", **other, "from": "a"}).file

    wanted = Image.fromarray(np.ascontiguousarray(moved(gain_of(source))))
    found = Image.fromarray(gain_of(made))
    assert found.width / found.height == pytest.approx(
        pictures(made)[0].width / pictures(made)[0].height, rel=0.1
    )
    assert psnr(np.asarray(found.resize(wanted.size, Image.Resampling.BILINEAR)), np.asarray(wanted)) > 28


@pytest.mark.parametrize("orientation", range(2, 9))
def test_it_is_turned_upright_with_the_picture(orientation):
    source = ultra_hdr(orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = light()
    lying.getexif()[0x0112] = orientation
    wanted = ImageOps.exif_transpose(lying)

    found = gain_of(rendered(source, KEEP).file)

    assert found.shape == (wanted.height, wanted.width)
    assert psnr(found, np.asarray(wanted)) > 28


@pytest.mark.parametrize(
    "step",
    [
        {"action": "blur"},
        {"action": "text", "text": "A"},
        {"action": "pad", "top": 20},
        {"action": "rotate", "angle": 10},
        {"action": "redact", "regions": [{"x": 0, "y": 0, "width": 50, "height": 50}]},
        {"action": "resize", "width": 200, "height": 200, "fit": "contain"},
    ],
)
def test_with_a_step_that_it_cannot_follow_it_goes(step):
    made = rendered(ultra_hdr(), {"id": "a", **step, "output": False}, {"id": "b", **KEEP, "from": "a"}).file

    assert len(pictures(made)) == 1


@pytest.mark.parametrize("form", ["png", "webp", "tiff"])
def test_other_formats_have_none(form):
    made = rendered(ultra_hdr(), KEEP | {"format": form}).picture

    assert made.size == SIZE


def test_one_that_is_cut_off_is_a_picture_without():
    source = ultra_hdr()
    picture = source[: source.rfind(b"\xff\xd8\xff")]

    assert len(pictures(rendered(picture, KEEP).file)) == 1


def test_others_are_not_in_need_of_one():
    made = rendered(encoded(photo(*SIZE), "JPEG"), KEEP).file

    assert len(pictures(made)) == 1


@pytest.mark.skipif(not (SHARED / "formats").is_dir(), reason="the pictures of many kinds are not here")
def test_a_real_one():
    source = (SHARED / "formats" / "gain-map.jpg").read_bytes()
    small = {"id": "small", "action": "thumbnail", "width": 480, "output": False}

    kept = rendered(source, small, {"id": "out", **KEEP, "from": "small"}).file
    gone = rendered(source, small | {"output": True, "format": "jpeg"}).file

    assert len(pictures(gone)) == 1
    picture, gain = pictures(kept)
    assert picture.size == gain.size == (480, 270)
    original = pyvips.Image.uhdrload_buffer(source).get("gainmap-data")
    wanted = Image.open(BytesIO(original)).convert("L").resize(gain.size)
    assert psnr(np.asarray(gain.convert("L")), np.asarray(wanted)) > 28
