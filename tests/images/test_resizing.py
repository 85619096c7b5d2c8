"""Sizes are exact, pixels are what an independent resampler makes."""

from io import BytesIO

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.operating import animation, applied, apply, operation, pixels, psnr, still
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError
from pixelflow.operations.base import Context

PHOTO = np.asarray(photo(240, 160))
SIDES = st.integers(1, 5000)


def half_up(value: float) -> int:
    return max(1, int(value + 0.5))


@given(SIDES, SIDES, SIDES, SIDES, st.booleans())
def test_inside_keeps_the_aspect_and_fills_the_box_in_one_direction(width, height, across, down, enlarge):
    found = operation("resize", width=across, height=down, enlarge=enlarge).target(width, height)

    by = min(across / width, down / height)
    by = by if enlarge else min(by, 1)
    assert found == (half_up(width * by), half_up(height * by))
    assert found[0] <= max(1, across)
    assert found[1] <= max(1, down)


@given(SIDES, SIDES, SIDES, SIDES)
def test_cover_contain_and_fill_make_exactly_the_box(width, height, across, down):
    for fit in ("cover", "contain", "fill"):
        box = operation("resize", width=across, height=down, fit=fit, enlarge=True)
        assert box.target(width, height) == (across, down)


@given(SIDES, SIDES, SIDES, SIDES)
def test_without_enlarging_no_side_grows_but_the_canvas(width, height, across, down):
    for fit in ("inside", "cover", "cover_down", "fill", "outside", "auto"):
        found = operation("resize", width=across, height=down, fit=fit).target(width, height)
        assert found[0] <= width
        assert found[1] <= height
    assert operation("resize", width=across, height=down, fit="contain").target(width, height) == (
        across,
        down,
    )


@given(SIDES, SIDES, SIDES, SIDES)
def test_cover_down_always_has_the_shape_of_the_box(width, height, across, down):
    found = operation("resize", width=across, height=down, fit="cover_down").target(width, height)

    scales = found[0] / across, found[1] / down
    assert any(abs(found[0] - across * by) < 1 and abs(found[1] - down * by) < 1 for by in scales)


@given(SIDES, SIDES, SIDES)
def test_one_side_alone_takes_the_other_along(width, height, wanted):
    assert operation("resize", width=wanted, enlarge=True).target(width, height)[0] == wanted
    assert operation("resize", height=wanted, enlarge=True).target(width, height)[1] == wanted


@pytest.mark.parametrize(
    ("picture", "box", "size"),
    [
        ((300, 200), (100, 50), (100, 50)),
        ((200, 300), (100, 50), (33, 50)),
        ((300, 200), (50, 100), (50, 33)),
        ((200, 300), (50, 100), (50, 100)),
    ],
)
def test_auto_covers_a_box_that_lies_like_the_picture(picture, box, size):
    assert operation("resize", width=box[0], height=box[1], fit="auto").target(*picture) == size


def test_percentages_and_device_pixels():
    assert operation("resize", width="50%").target(301, 200) == (150, 100)
    assert operation("resize", width="12.5%", height="100%", fit="fill").target(800, 60) == (100, 60)
    assert operation("resize", width=100, dpr=2).target(900, 600) == (200, 133)
    assert operation("resize", width=100, dpr=0.5).target(900, 600) == (50, 33)
    assert operation("resize", width=500, dpr=3).target(900, 600) == (900, 600)


@pytest.mark.parametrize("width", [1, 7, 60, 100, 119, 120, 239, 240, 241, 333, 480])
@pytest.mark.parametrize(
    "kernel", ["lanczos3", "nearest", "linear", "cubic", "mitchell", "lanczos2", "mks2013", "mks2021"]
)
def test_the_result_has_exactly_the_target_s_size(width, kernel):
    made = applied(PHOTO, "resize", width=width, height=97, fit="fill", enlarge=True, kernel=kernel)

    assert made.shape == (97, width, 3)


@pytest.mark.parametrize("width", [200, 160, 120, 90, 60, 24])
def test_it_agrees_with_another_lanczos(width):
    height = half_up(160 * width / 240)
    reference = Image.fromarray(PHOTO).resize((width, height), Image.Resampling.LANCZOS)

    assert psnr(applied(PHOTO, "resize", width=width), np.asarray(reference)) > 40


def test_nearest_only_repeats_pixels():
    made = applied(PHOTO, "resize", width=720, enlarge=True, kernel="nearest")

    np.testing.assert_array_equal(made, PHOTO.repeat(3, axis=0).repeat(3, axis=1))


def test_a_picture_that_fits_is_left_as_it_is():
    np.testing.assert_array_equal(applied(PHOTO, "resize", width=500, height=500), PHOTO)
    np.testing.assert_array_equal(applied(PHOTO, "thumbnail", width=500), PHOTO)


def test_what_cannot_be_seen_lends_no_colour():
    picture = np.zeros((40, 40, 4), np.uint8)
    picture[:, :20] = (255, 0, 0, 255)
    picture[:, 20:] = (0, 255, 0, 0)

    made = applied(picture, "resize", width=13)

    seen = made[..., 3] > 0
    assert 0 < made[..., 3][:, 6].min() < 255
    assert (made[..., 0][seen] >= 254).all()
    assert (made[..., 1][seen] == 0).all()


def test_linear_averages_light():
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    checks = np.repeat(checks[..., None], 3, 2).astype(np.uint8)

    encoded_mean = applied(checks, "resize", width=8)[2:6, 2:6]
    light_mean = applied(checks, "resize", width=8, linear=True)[2:6, 2:6]

    np.testing.assert_allclose(encoded_mean, 127.5, atol=2)
    np.testing.assert_allclose(light_mean, 188, atol=2)  # 0.5 of the light in sRGB's curve


@pytest.mark.parametrize(
    ("gravity", "left"),
    [("west", 0), ("center", 20), ("east", 40), ("noea", 40), ({"x": 0.6, "y": 0}, 32), ("top-left", 0)],
)
def test_cover_cuts_where_gravity_says(gravity, left):
    whole = applied(PHOTO, "resize", height=80)

    made = applied(PHOTO, "resize", width=80, height=80, fit="cover", gravity=gravity)

    np.testing.assert_array_equal(made, whole[:, left : left + 80])


@pytest.mark.parametrize("gravity", ["attention", "entropy"])
@pytest.mark.parametrize("corner", [(0, 0), (0, 220), (140, 0), (140, 220)])
def test_what_draws_the_eye_is_kept(gravity, corner):
    picture = np.full((160, 240, 3), 128, np.uint8)
    top, left = corner
    spot = np.random.default_rng(1).integers(0, 255, (20, 20, 3), dtype=np.uint8)
    picture[top : top + 20, left : left + 20] = spot | np.array([128, 0, 0], np.uint8)

    made = applied(picture, "resize", width=60, height=60, fit="cover", gravity=gravity)

    kept = applied(picture, "resize", height=60)
    whole_share = np.abs(kept.astype(int) - 128).sum()
    assert np.abs(made.astype(int) - 128).sum() > 0.5 * whole_share


def test_contain_sets_the_whole_picture_on_its_canvas():
    whole = applied(PHOTO, "resize", width=120)

    made = applied(
        PHOTO, "resize", width=120, height=120, fit="contain", gravity="south", background="#ff8000"
    )

    np.testing.assert_array_equal(made[40:], whole)
    assert (made[:40] == (255, 128, 0)).all()


def test_a_transparent_canvas_is_the_default():
    made = applied(PHOTO, "resize", width=100, height=100, fit="contain")

    assert made.shape == (100, 100, 4)
    assert (made[:16, :, 3] == 0).all()
    assert (made[17:83, :, 3] == 255).all()


def test_the_canvas_may_take_its_colour_from_the_picture_s_edge():
    framed = np.full((40, 60, 3), (10, 200, 60), np.uint8)
    framed[1:-1, 1:-1] = 255

    made = applied(framed, "resize", width=60, height=60, fit="contain", background="auto")

    assert (made[:10] == (10, 200, 60)).all()


def test_a_colour_turns_a_grey_picture_colourful_and_grey_does_not():
    grey = PHOTO[..., :1]

    assert applied(grey, "resize", width=60, height=60, fit="contain", background="red").shape == (60, 60, 3)
    assert applied(grey, "resize", width=60, height=60, fit="contain", background="white").shape == (
        60,
        60,
        1,
    )


def test_a_thumbnail_with_gravity_fills_its_box():
    assert applied(PHOTO, "thumbnail", width=50, height=50).shape == (33, 50, 3)
    assert applied(PHOTO, "thumbnail", width=50, height=50, gravity="center").shape == (50, 50, 3)
    assert applied(PHOTO, "thumbnail", width=1000, height=50, gravity="center").shape == (50, 240, 3)


def test_the_target_comes_from_the_true_size():
    shrunk = still(PHOTO)
    resize = operation("resize", width=600)

    made = resize.apply(shrunk, Context(size=(1921, 1279)))

    assert (made.width, made.height) == resize.target(1921, 1279) == (600, 399)


@pytest.mark.parametrize(
    ("parameters", "shrink"),
    [
        ({"width": 100}, 19.2),
        ({"width": 480, "height": 100, "fit": "cover"}, 4),
        ({"width": 480, "height": 100, "fit": "inside"}, 10.8),
        ({"width": 480, "height": 100, "fit": "fill"}, 4),
        ({"width": 480, "kernel": "nearest"}, 1),
        ({"width": 480, "linear": True}, 1),
        ({"width": 4000, "enlarge": True}, 1),
    ],
)
def test_how_far_a_decoder_may_shrink(parameters, shrink):
    assert operation("resize", **parameters).shrink(1920, 1080) == pytest.approx(shrink, rel=0.01)


def test_frames_do_not_bleed_into_each_other():
    white, black = np.full((50, 50, 3), 255, np.uint8), np.zeros((50, 50, 3), np.uint8)

    made = pixels(apply(animation([white, black]), "resize", width=20))

    assert (made[:20] == 255).all()
    assert (made[20:] == 0).all()


def test_an_animation_keeps_its_timing():
    moving = animation([PHOTO, PHOTO])
    moving.set_type(pyvips.GValue.array_int_type, "delay", [40, 70])

    made = apply(moving, "resize", width=20)

    assert made.get("delay") == [40, 70]
    assert made.get("page-height") == 13


@pytest.mark.parametrize(
    "parameters",
    [
        {"width": 50},
        {"width": 50, "height": 50, "fit": "cover"},
        {"width": 90, "height": 90, "fit": "contain"},
    ],
)
def test_a_decoder_that_streams_is_read_once_from_the_top(parameters):
    file = encoded(photo(240, 160), "PNG")
    stream = pyvips.Image.new_from_buffer(file, "", access="sequential")

    made = pixels(operation("resize", **parameters).apply(stream, Context(size=(240, 160))))

    np.testing.assert_array_equal(
        made, applied(np.asarray(Image.open(BytesIO(file))), "resize", **parameters)
    )


@given(SIDES, SIDES, st.floats(0.001, 100), st.floats(0.001, 100))
def test_zoom_multiplies_each_side(width, height, across, down):
    assert operation("zoom", x=across, y=down).target(width, height) == (
        half_up(width * across),
        half_up(height * down),
    )


@pytest.mark.parametrize("factors", [(0.5, 0.5), (0.3, 0.7), (2, 0.5), (1, 1), (1.5, 3), (0.001, 1)])
def test_zoom_agrees_with_pillow(factors):
    size = half_up(240 * factors[0]), half_up(160 * factors[1])

    made = rendered(encoded(photo(240, 160), "PNG"), {"action": "zoom", "x": factors[0], "y": factors[1]})

    wanted = np.asarray(photo(240, 160).resize(size, Image.Resampling.LANCZOS))
    assert made.picture.size == size
    assert psnr(made.pixels, wanted) > 35


def test_what_is_zoomed_beyond_the_limits_is_refused_before_it_is_made():
    with pytest.raises(ImageError, match="MAX_IMAGE_SIDE"):
        rendered(encoded(photo(240, 160), "PNG"), {"action": "zoom", "x": 65535, "y": 65535})
