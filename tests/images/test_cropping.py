"""Cutting a part out is slicing."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from harness.operating import animation, applied, apply, frames, operation
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError

PHOTO = np.asarray(photo(240, 160))


@pytest.mark.parametrize(
    ("parameters", "rows", "columns"),
    [
        ({"x": 10, "y": 20, "width": 30, "height": 40}, slice(20, 60), slice(10, 40)),
        ({"x": "50%", "y": 0, "width": "25%", "height": 160}, slice(0, 160), slice(120, 180)),
        ({"x": 200}, slice(0, 160), slice(200, 240)),
        ({"y": 159}, slice(159, 160), slice(0, 240)),
        ({"width": 100, "height": 60}, slice(50, 110), slice(70, 170)),
        ({"width": 100, "gravity": "east"}, slice(0, 160), slice(140, 240)),
        ({"width": 100, "height": 60, "gravity": "bottom-left"}, slice(100, 160), slice(0, 100)),
        ({"width": 100, "height": 60, "focus": {"x": 0.5, "y": 0.5}}, slice(50, 110), slice(70, 170)),
        ({"width": 100, "height": 60, "focus": {"x": 1, "y": 0}}, slice(0, 60), slice(140, 240)),
        ({"width": 100, "height": 60, "gravity": {"x": 0.25, "y": 0.75}}, slice(90, 150), slice(10, 110)),
        ({"width": 1000, "height": 60, "gravity": "north"}, slice(0, 60), slice(0, 240)),
        ({"aspect_ratio": "1:1"}, slice(0, 160), slice(40, 200)),
        ({"aspect_ratio": 3}, slice(40, 120), slice(0, 240)),
        ({"aspect_ratio": "3:2"}, slice(0, 160), slice(0, 240)),
        ({"aspect_ratio": "1:2", "gravity": "west"}, slice(0, 160), slice(0, 80)),
    ],
)
def test_the_box_is_where_it_was_put(parameters, rows, columns):
    np.testing.assert_array_equal(applied(PHOTO, "crop", **parameters), PHOTO[rows, columns])


@pytest.mark.parametrize(
    "parameters",
    [
        {"x": 200, "width": 41},
        {"y": 100, "height": 61},
        {"x": 240},
        {"x": "100%", "width": 1},
        {"x": 0, "y": 0, "width": 65535, "height": 1},
    ],
)
def test_a_box_that_leaves_the_picture_is_refused_with_both_sizes(parameters):
    with pytest.raises(ImageError, match="240 × 160") as refused:
        applied(PHOTO, "crop", **parameters)

    assert refused.value.code == "invalid"
    assert refused.value.step == "step"


@pytest.mark.parametrize("gravity", ["attention", "entropy"])
def test_attention_and_entropy_find_the_only_thing_there_is(gravity):
    picture = np.full((200, 300, 3), 90, np.uint8)
    picture[120:160, 220:260] = np.random.default_rng(3).integers(0, 255, (40, 40, 3))

    made = applied(picture, "crop", width=100, height=100, gravity=gravity)

    assert made.shape == (100, 100, 3)
    assert (made != 90).any(axis=2).sum() > 0.8 * 1600


def test_all_frames_are_cut_where_the_first_one_is():
    quiet = np.full((200, 300, 3), 90, np.uint8)
    left, right = quiet.copy(), quiet.copy()
    left[80:120, 20:60] = right[80:120, 240:280] = np.random.default_rng(4).integers(0, 255, (40, 40, 3))

    first, second = frames(
        apply(animation([left, right]), "crop", width=100, height=100, gravity="attention")
    )

    assert (first != 90).any()
    assert (second == 90).all()


def test_the_target_is_known_before_the_picture_is():
    assert operation("crop", aspect_ratio="16:9").target(1000, 1000) == (1000, 562)
    assert operation("crop", aspect_ratio=1000).target(10, 10) == (10, 1)


def scene(ground, shown, depth=np.uint8):
    """40 × 50 pixels of one value, another one in rows 10 to 15 of columns 20 to 27."""
    picture = np.empty((40, 50, len(ground)), depth)
    picture[:] = ground
    picture[10:16, 20:28] = shown
    return picture


@pytest.mark.parametrize(
    ("parameters", "rows", "columns"),
    [
        ({}, slice(10, 16), slice(20, 28)),
        ({"threshold": 99}, slice(10, 16), slice(20, 28)),
        ({"threshold": 100}, slice(0, 40), slice(0, 50)),
        ({"color": "#fff"}, slice(10, 16), slice(20, 28)),
        ({"color": "#f8ffff"}, slice(10, 16), slice(20, 28)),
        ({"color": "#f8ffff", "threshold": 6}, slice(0, 40), slice(0, 50)),
        ({"color": "black"}, slice(0, 40), slice(0, 50)),
        ({"margin": 3}, slice(7, 19), slice(17, 31)),
        ({"margin": "20%"}, slice(2, 24), slice(10, 38)),
        ({"margin": 15}, slice(0, 31), slice(5, 43)),
        ({"equal_h": True}, slice(10, 16), slice(20, 30)),
        ({"equal_v": True}, slice(10, 30), slice(20, 28)),
        ({"equal_h": True, "equal_v": True, "margin": 1}, slice(9, 31), slice(19, 31)),
    ],
)
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_trim_leaves_what_differs(parameters, rows, columns, depth):
    picture = scene([255, 255, 255], [255, 155, 255]).astype(depth) * (np.iinfo(depth).max // 255)

    np.testing.assert_array_equal(applied(picture, "trim", **parameters), picture[rows, columns])


def test_trim_cuts_no_single_pixel_away():
    picture = scene([0], [0])
    picture[3, 7] = picture[30, 2] = 200

    np.testing.assert_array_equal(applied(picture, "trim"), picture[3:31, 2:8])


def test_trim_sees_no_colour_in_what_is_transparent():
    picture = scene([200, 10, 10, 0], [0, 0, 0, 255])
    picture[20:, :, :3] = np.random.default_rng(4).integers(0, 255, (20, 50, 3))

    np.testing.assert_array_equal(applied(picture, "trim"), picture[10:16, 20:28])
    np.testing.assert_array_equal(applied(picture, "trim", color="transparent"), picture[10:16, 20:28])


def test_trim_of_one_colour_leaves_the_whole():
    np.testing.assert_array_equal(applied(scene([9], [9]), "trim", equal_h=True), scene([9], [9]))


def test_trim_cuts_every_frame_by_the_same_box():
    stills = [scene([0, 0, 0, 255], [0, 0, 0, 255]) for _ in range(3)]
    stills[0][5, 6] = stills[2][30, 41] = 255

    made = apply(animation(stills), "trim")

    assert (made.width, made.get_page_height(), made.height) == (36, 26, 78)
    for frame, alone in zip(frames(made), stills, strict=True):
        np.testing.assert_array_equal(frame, alone[5:31, 6:42])


@pytest.mark.parametrize("seed", range(12))
def test_trim_is_the_box_around_what_differs(seed):
    random = np.random.default_rng(seed)
    picture = np.full((40, 50, 3), 77, np.uint8)
    top, left = random.integers(0, 30), random.integers(0, 40)
    picture[top : top + random.integers(1, 11), left : left + random.integers(1, 11)] = random.integers(
        90, 250, 3
    )
    across, down = random.integers(0, 2, 2, dtype=bool)

    rows, columns = np.nonzero((np.abs(picture.astype(int) - 77) > 10).any(axis=2))
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    if across:
        cut = min(box[0], 50 - box[2])
        box[0], box[2] = cut, 50 - cut
    if down:
        cut = min(box[1], 40 - box[3])
        box[1], box[3] = cut, 40 - cut

    made = applied(picture, "trim", equal_h=bool(across), equal_v=bool(down))

    if (picture[0, 0] == 77).all():
        np.testing.assert_array_equal(made, picture[box[1] : box[3], box[0] : box[2]])


@pytest.mark.parametrize("blank", [[255] * 3, [0], [9, 0], [10, 20, 30, 0], [10, 20, 30, 255]])
@pytest.mark.parametrize(
    "parameters", [{}, {"margin": 5}, {"equal_h": True, "equal_v": True}, {"threshold": 0}]
)
def test_a_blank_picture_stays_whole_in_every_kind(blank, parameters):
    for depth in (np.uint8, np.uint16):
        picture = np.full((12, 20, len(blank)), blank, depth) * depth(np.iinfo(depth).max // 255)
        np.testing.assert_array_equal(applied(picture, "trim", **parameters), picture)
        moving = apply(animation([picture, picture]), "trim", **parameters)
        assert (moving.width, moving.height, moving.get_page_height()) == (20, 24, 12)


def test_what_follows_a_trim_goes_by_its_size_and_the_record_has_it():
    picture = encoded(Image.fromarray(scene([255, 255, 255], [255, 155, 255])), "PNG")

    out = rendered(
        picture,
        {"id": "cut", "action": "trim"},
        {"id": "half", "action": "resize", "width": "50%", "from": "cut"},
        {"id": "room", "action": "pad", "left": "100%", "from": "cut"},
    )

    sizes = {made.step: (made.width, made.height) for made in out.finished.made}
    assert sizes == {"cut": (8, 6), "half": (4, 3), "room": (16, 6)}
    assert {name: Image.open(BytesIO(file)).size for name, file in out.files.items()} == sizes
