"""Grain, shade and fading colours, compared with their formulas."""

import numpy as np
import pytest

from harness.operating import Pixels, applied
from harness.pictures import photo

PHOTO = np.asarray(photo(120, 80))
DEPTHS = [np.uint8, np.uint16]


def deep(picture: Pixels, depth: type) -> Pixels:
    return picture if depth is np.uint8 else picture.astype(np.uint16) * 257


def middles(length: int) -> Pixels:
    """Where the pixels' middles lie, from 0 at one edge to 1 at the other."""
    return (np.arange(length) + 0.5) / length


@pytest.mark.parametrize("amount", [0.01, 0.1])
@pytest.mark.parametrize("depth", DEPTHS)
def test_noise_is_gaussian_around_the_picture(amount, depth):
    flat = np.full((300, 400, 1), np.iinfo(depth).max // 2, depth)

    grain = (applied(flat, "noise", amount=amount).astype(float) - flat) / np.iinfo(depth).max / amount

    assert abs(grain.mean()) < 0.02
    assert grain.std() == pytest.approx(1, abs=0.02)
    for sigmas, share in ((1, 0.683), (2, 0.954), (3, 0.997)):
        assert (abs(grain) < sigmas).mean() == pytest.approx(share, abs=0.06 if sigmas == 1 else 0.02)
    for lag in (1, 2, 3):
        assert abs((grain[:, lag:] * grain[:, :-lag]).mean()) < 0.02
        assert abs((grain[lag:] * grain[:-lag]).mean()) < 0.02


def test_noise_is_the_same_for_the_same_seed_only():
    first, again, other = (applied(PHOTO, "noise", seed=seed) for seed in (0, 0, 1))

    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, applied(PHOTO, "noise"))
    assert (first != other).mean() > 0.8


def test_noise_is_grain_without_colour_of_its_own():
    flat = np.full((50, 60, 3), 128, np.uint8)

    made = applied(flat, "noise")

    assert made.std() > 20
    np.testing.assert_array_equal(made[..., 0], made[..., 1])
    np.testing.assert_array_equal(made[..., 0], made[..., 2])


@pytest.mark.parametrize("strength", [0, 0.5, 1])
@pytest.mark.parametrize("depth", DEPTHS)
def test_vignette_grows_with_the_fourth_power_of_the_distance(strength, depth):
    picture = deep(PHOTO, depth)
    x, y = np.meshgrid(2 * middles(120) - 1, 2 * middles(80) - 1)
    shade = 1 - strength * ((x**2 + y**2) / 2) ** 2

    made = applied(picture, "vignette", strength=strength)

    np.testing.assert_allclose(made, picture * shade[..., None], atol=0.51)


@pytest.mark.parametrize(
    ("direction", "way"),
    [
        ("down", lambda x, y: y),
        ("up", lambda x, y: 1 - y),
        ("right", lambda x, y: x),
        ("left", lambda x, y: 1 - x),
        (90, lambda x, y: 1 - x),
        (-90, lambda x, y: x),
        # The line of 45 degrees through the middle is as long as both corners need.
        (45, lambda x, y: 0.5 + ((0.5 - x) * 120 + (y - 0.5) * 80) / 200),
    ],
)
@pytest.mark.parametrize("depth", DEPTHS)
def test_a_gradient_grows_from_nothing_to_its_colour(direction, way, depth):
    picture, full = deep(PHOTO, depth), np.iinfo(depth).max
    cover = way(*np.meshgrid(middles(120), middles(80)))[..., None]

    made = applied(picture, "gradient", color="#f80", direction=direction)

    color = np.array([255, 136, 0]) / 255 * full
    np.testing.assert_allclose(made, picture * (1 - cover) + color * cover, atol=0.51)


def test_a_gradient_keeps_to_its_start_stop_and_opacity():
    cover = np.clip((middles(80) - 0.25) / 0.5, 0, 1)[:, None, None] * 0.6 * 136 / 255

    made = applied(PHOTO, "gradient", color="#00f8", opacity=0.6, start=0.25, stop=0.75)

    np.testing.assert_allclose(made, PHOTO * (1 - cover) + [0, 0, 255] * cover, atol=0.51)
    np.testing.assert_array_equal(made[:20], PHOTO[:20])


def test_a_gradient_that_stops_where_it_starts_has_a_hard_edge():
    made = applied(PHOTO, "gradient", color="white", start=0.5, stop=0.5)

    np.testing.assert_array_equal(made[:40], PHOTO[:40])
    assert (made[40:] == 255).all()


@pytest.mark.parametrize("bands", [1, 2])
def test_grey_gets_colour_only_from_a_coloured_gradient(bands):
    picture = PHOTO[..., :bands]

    assert applied(picture, "gradient").shape[2] == bands
    assert applied(picture, "gradient", color="red").shape[2] == bands + 2


@pytest.mark.parametrize("action", ["noise", "vignette", "gradient"])
def test_alpha_stays_bit_for_bit(action):
    alpha = np.random.default_rng(1).integers(0, 255, (80, 120), dtype=np.uint8)

    np.testing.assert_array_equal(applied(np.dstack([PHOTO, alpha]), action)[..., 3], alpha)
