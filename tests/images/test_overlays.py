"""A watermark is alpha blending in the place that was asked for."""

import numpy as np
import pytest

from harness.operating import animation, applied, apply, operation, still
from harness.pictures import photo
from pixelflow.domain.errors import ImageError

PHOTO = np.asarray(photo(120, 80))
RANDOM = np.random.default_rng(11)
MARK = RANDOM.integers(0, 255, (10, 20, 4), dtype=np.uint8)
ASSETS = {"mark": still(MARK)}
AS_IT_IS = {"image": "mark", "width": 20}


def blended(picture, mark, left, top, opacity=1.0):
    wanted = picture.astype(float).copy()
    height, width = mark.shape[:2]
    alpha = mark[..., 3:] / 255 * opacity
    below = wanted[top : top + height, left : left + width]
    wanted[top : top + height, left : left + width] = mark[..., :3] * alpha + below * (1 - alpha)
    return wanted


@pytest.mark.parametrize(
    ("parameters", "left", "top"),
    [
        ({}, 100, 70),
        ({"gravity": "north_west"}, 0, 0),
        ({"gravity": "center"}, 50, 35),
        ({"gravity": "center", "x": 5, "y": -5}, 55, 30),
        ({"x": 7, "y": 3}, 93, 67),
        ({"margin": 4}, 96, 66),
        ({"margin": "10%", "gravity": "north_west"}, 12, 8),
        ({"gravity": "north", "margin": 4, "x": 1}, 51, 4),
        ({"gravity": "west", "x": "25%"}, 30, 35),
    ],
)
def test_it_lies_where_gravity_offset_and_margin_say(parameters, left, top):
    made = applied(PHOTO, "watermark", ASSETS, **AS_IT_IS, **parameters)

    np.testing.assert_allclose(made, blended(PHOTO, MARK, left, top), atol=1)


@pytest.mark.parametrize("opacity", [0, 0.25, 0.5, 1])
def test_opacity_weakens_it(opacity):
    made = applied(PHOTO, "watermark", ASSETS, **AS_IT_IS, opacity=opacity)

    np.testing.assert_allclose(made, blended(PHOTO, MARK, 100, 70, opacity), atol=1)


def test_sixteen_bits_stay_sixteen_bits():
    made = applied(PHOTO.astype(np.uint16) * 257, "watermark", ASSETS, **AS_IT_IS)

    np.testing.assert_allclose(made / 257, blended(PHOTO, MARK, 100, 70), atol=1)
    assert made.dtype == np.uint16


def test_alpha_below_is_blended_too():
    picture = np.concatenate([PHOTO, np.full((80, 120, 1), 128, np.uint8)], 2)

    made = applied(picture, "watermark", ASSETS, **AS_IT_IS)

    above, below = MARK[..., 3] / 255, 128 / 255
    np.testing.assert_allclose(made[70:, 100:, 3], 255 * (above + below * (1 - above)), atol=1)
    np.testing.assert_array_equal(made[:70], picture[:70])


@pytest.mark.parametrize(
    ("blend", "formula"),
    [
        ("multiply", lambda a, b: a * b),
        ("screen", lambda a, b: a + b - a * b),
        ("darken", np.minimum),
        ("lighten", np.maximum),
        ("difference", lambda a, b: abs(a - b)),
        ("exclusion", lambda a, b: a + b - 2 * a * b),
        ("hard_light", lambda a, b: np.where(a <= 0.5, 2 * a * b, 2 * a + b * 1 - 1 + b - 2 * a * b)),
        ("overlay", lambda a, b: np.where(b <= 0.5, 2 * a * b, 2 * a + 2 * b - 1 - 2 * a * b)),
        (
            "color-dodge",
            lambda a, b: np.where(a >= 1, 1.0 * (b > 0), np.minimum(1, b / np.maximum(1 - a, 1e-9))),
        ),
        ("add", lambda a, b: np.minimum(1, a + b)),
    ],
)
def test_opaque_blends_follow_the_w3c_formulas(blend, formula):
    opaque = MARK.copy()
    opaque[..., 3] = 255

    made = applied(PHOTO, "watermark", {"mark": still(opaque)}, **AS_IT_IS, blend=blend)

    wanted = formula(opaque[..., :3] / 255, PHOTO[70:, 100:] / 255) * 255
    np.testing.assert_allclose(made[70:, 100:], wanted, atol=1.5)


def test_every_blend_is_taken():
    for blend in ("over", "atop", "xor", "color_burn", "soft_light", "normal", "colour-dodge"):
        assert applied(PHOTO, "watermark", ASSETS, **AS_IT_IS, blend=blend).shape[:2] == (80, 120)


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ({}, (200, 100)),
        ({"scale": 0.5}, (500, 250)),
        ({"scale": 1}, (1000, 500)),
        ({"width": 40}, (40, 20)),
        ({"height": "10%"}, (120, 60)),
        ({"width": 100, "height": 10}, (20, 10)),
    ],
)
def test_its_size_follows_the_picture_s(parameters, size):
    assert operation("watermark", image="mark", **parameters).mark_size((1000, 600), (400, 200)) == size


def test_it_stays_within_the_picture_s_height():
    assert operation("watermark", image="mark", scale=1).mark_size((1000, 300), (400, 200)) == (600, 300)
    assert operation("watermark", image="mark", scale=2).mark_size((1000, 300), (400, 200)) == (2000, 1000)


def test_what_sticks_out_is_cut_off():
    made = applied(PHOTO, "watermark", ASSETS, **AS_IT_IS, x=-10, y=-4)
    np.testing.assert_allclose(made, blended(PHOTO, MARK[:6, :10], 110, 74), atol=1)

    assert applied(PHOTO, "watermark", ASSETS, image="mark", width=500, height=500).shape == PHOTO.shape
    np.testing.assert_array_equal(applied(PHOTO, "watermark", ASSETS, **AS_IT_IS, x=-500), PHOTO)


def test_a_grid_repeats_it_all_over():
    made = applied(PHOTO, "watermark", ASSETS, **AS_IT_IS, tile="grid", gravity="north_west")

    np.testing.assert_allclose(made, blended(PHOTO, np.tile(MARK, (8, 6, 1)), 0, 0), atol=1)


def test_a_pattern_has_its_spacing_and_one_copy_where_gravity_says():
    made = applied(PHOTO, "watermark", ASSETS, **AS_IT_IS, tile="grid", spacing=5, gravity="south_east")

    changed = (made != PHOTO).any(axis=2)
    np.testing.assert_allclose(made[70:, 100:], blended(PHOTO, MARK, 100, 70)[70:, 100:], atol=1)
    assert not changed[:, 95:100].any()
    assert not changed[65:70].any()
    assert changed[55:65, 75:95].mean() > 0.5


def test_a_chess_pattern_leaves_every_other_place_empty():
    made = applied(PHOTO, "watermark", ASSETS, **AS_IT_IS, tile="chess", gravity="north_west")

    taken = (made != PHOTO).any(axis=2).reshape(8, 10, 6, 20).mean(axis=(1, 3)) > 0.3
    np.testing.assert_array_equal(taken, np.indices((8, 6)).sum(axis=0) % 2 == 0)


def test_it_can_be_turned():
    red = np.full((10, 30, 4), (255, 0, 0, 255), np.uint8)

    made = applied(
        PHOTO * 0, "watermark", {"mark": still(red)}, image="mark", width=30, rotate=90, gravity="north_west"
    )

    np.testing.assert_array_equal(made[..., 0] > 128, np.pad(np.ones((30, 10), bool), ((0, 50), (0, 110))))


def test_a_coloured_mark_colours_a_grey_picture_and_a_grey_one_does_not():
    assert applied(PHOTO[..., :1], "watermark", ASSETS, **AS_IT_IS).shape == (80, 120, 3)
    grey = {"mark": still(MARK[..., [0, 3]])}
    assert applied(PHOTO[..., :1], "watermark", grey, **AS_IT_IS).shape == (80, 120, 1)
    assert applied(PHOTO, "watermark", grey, **AS_IT_IS).shape == (80, 120, 3)


def test_small_pictures_are_spared():
    np.testing.assert_array_equal(applied(PHOTO, "watermark", ASSETS, **AS_IT_IS, min_size=81), PHOTO)
    assert (applied(PHOTO, "watermark", ASSETS, **AS_IT_IS, min_size=80) != PHOTO).any()


def test_of_an_animated_mark_the_first_frame_is_laid_over():
    moving = {"mark": animation([MARK, MARK * 0])}

    np.testing.assert_array_equal(
        applied(PHOTO, "watermark", moving, **AS_IT_IS), applied(PHOTO, "watermark", ASSETS, **AS_IT_IS)
    )


def test_an_asset_that_is_gone_ends_the_step():
    with pytest.raises(ImageError, match="no picture 'lost'"):
        apply(still(PHOTO), "watermark", image="lost")


def test_the_asset_is_named_as_needed():
    assert operation("watermark", image="ast_1").needs() == {"ast_1"}


def test_a_mark_or_its_spacing_may_be_beyond_all_measure():
    with pytest.raises(ImageError, match="would have"):
        applied(PHOTO, "watermark", ASSETS, image="mark", width="99999%", height="99999%", rotate=10)

    made = applied(PHOTO, "watermark", ASSETS, **AS_IT_IS, tile="chess", spacing="99999%")
    np.testing.assert_allclose(made, blended(PHOTO, MARK, 100, 70), atol=1)
