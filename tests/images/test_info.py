"""What a picture says of itself."""

import json

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational
from skimage.measure import shannon_entropy

from harness.operating import animation, apply, operation, still
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.operations.base import Context

PHOTO = np.asarray(photo(240, 160))


def test_size_depth_and_alpha():
    found = apply(still(PHOTO), "info")
    assert (found["width"], found["height"], found["frames"]) == (240, 160, 1)
    assert (found["depth"], found["channels"], found["alpha"]) == (8, 3, False)

    wide = apply(still(np.zeros((5, 4, 2), np.uint16)), "info")
    assert (wide["depth"], wide["channels"], wide["alpha"]) == (16, 2, True)


def test_frames_are_counted():
    found = apply(animation([PHOTO] * 3), "info")

    assert (found["height"], found["frames"]) == (160, 3)


@pytest.mark.parametrize("grey", [PHOTO[..., :1], np.full((9, 9, 1), 3, np.uint8)])
def test_entropy_is_shannon_s(grey):
    assert apply(still(grey), "info")["entropy"] == pytest.approx(shannon_entropy(grey), abs=0.01)


@pytest.mark.parametrize("spot", [(20, 30), (120, 200), (70, 20)])
def test_the_focal_point_is_where_something_is(spot):
    top, left = spot
    picture = np.full((160, 240, 3), 100, np.uint8)
    picture[top : top + 24, left : left + 24] = (250, 60, 30)

    point = apply(still(picture), "info")["focal_point"]

    assert point["x"] == pytest.approx((left + 12) / 240, abs=0.08)
    assert point["y"] == pytest.approx((top + 12) / 160, abs=0.08)


def test_facts_of_the_source_come_through_and_all_is_json():
    facts = {
        "format": "gif",
        "exif": {"Make": "Seagull"},
        "icc": None,
        "width": 240,
        "height": 160,
        "frames": 7,
    }

    found = operation("info").apply(still(PHOTO), Context(facts=facts, size=(240, 160)))

    assert json.loads(json.dumps(found)) == found
    assert found["exif"] == {"Make": "Seagull"}
    assert found["frames"] == 7


def test_a_picture_that_was_resized_has_its_own_size():
    facts = {"format": "jpeg", "width": 480, "height": 320}

    found = operation("info").apply(still(PHOTO), Context(facts=facts, size=(240, 160)))

    assert (found["width"], found["height"], found["format"]) == (240, 160, "jpeg")


def test_a_real_file_tells_all_of_it():
    exif = Image.Exif()
    exif[0x010F] = "Seagull"
    file = encoded(photo(300, 200), "JPEG", exif=exif.tobytes())

    found = json.loads(rendered(file, {"action": "info"}).file)

    assert (found["format"], found["width"], found["height"], found["frames"]) == ("jpeg", 300, 200, 1)
    assert found["exif"]["Make"] == "Seagull"
    assert 0 <= found["focal_point"]["x"] <= 1


def test_exif_values_are_the_file_s_own_without_what_libvips_says_of_them():
    exif = Image.Exif()
    exif[0x010F], exif[0x8298], exif[0x0112] = "Sea (gull)", "Ada, Ltd (1843)", 6
    exif.get_ifd(0x8769)[0x829A] = IFDRational(1, 50)
    file = encoded(photo(30, 20), "JPEG", exif=exif.tobytes())

    found = told(file)["exif"]

    assert isinstance(found, dict)
    assert found["Make"] == "Sea (gull)"
    assert found["Copyright"].startswith("Ada, Ltd (1843)")
    assert found["Orientation"] == "6"
    assert found["ExposureTime"] == "1/50"


def told(file: bytes, *steps: dict[str, object]) -> dict[str, object]:
    """What is told of the last step's result, or of the file itself."""
    before = [{"id": "before", "output": False, **step} for step in steps]
    found = {"id": "told", "action": "info", **({"from": "before"} if steps else {})}
    return json.loads(rendered(file, *before, found).files["told"])


@pytest.mark.parametrize(
    ("step", "size"),
    [
        ({"action": "crop", "x": 5, "y": 3, "width": 201, "height": 33}, (201, 33)),
        ({"action": "resize", "width": 61}, (61, 102)),
        ({"action": "rotate", "angle": 90}, (1001, 601)),
        ({"action": "pad", "top": 4, "color": "white"}, (601, 1005)),
        ({"action": "rotate", "angle": 180}, (601, 1001)),
    ],
)
def test_the_size_is_that_of_the_picture_given_and_the_rest_the_file_s(step, size):
    """The stored picture lies on its side, and the resized one was shrunk while it was decoded."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Seagull"
    file = encoded(photo(1001, 601), "JPEG", exif=exif.tobytes())

    alone, after = told(file), told(file, step)

    assert (alone["width"], alone["height"]) == (601, 1001)
    assert (after["width"], after["height"]) == size
    for key in ("format", "bytes", "orientation", "frames", "density", "exif"):
        assert after[key] == alone[key]


def test_an_animation_has_its_file_s_frames_and_the_result_s_size():
    frames = [photo(90, 60, seed=seed) for seed in range(4)]
    file = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    small = {"action": "resize", "width": 45}
    for step in (small, small | {"output": True}):
        found = told(file, step)
        assert (found["width"], found["height"], found["frames"]) == (45, 30, 4)


def test_channels_and_colour_space_are_those_of_the_picture_given():
    """Also where its size is that of the file."""
    file = encoded(photo(90, 60).convert("CMYK"))
    turn = {"action": "rotate", "angle": 180}

    assert [told(file)[key] for key in ("channels", "space")] == [4, "cmyk"]
    assert [told(file, turn)[key] for key in ("channels", "space")] == [3, "srgb"]

    grey = told(encoded(photo(90, 60)), {"action": "grayscale"})
    assert [grey[key] for key in ("width", "channels", "space")] == [90, 1, "b-w"]
