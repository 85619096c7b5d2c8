"""How light and dark are spread, compared with the formulas in floats."""

import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab
from skimage.filters import rank

from harness.operating import Pixels, applied
from harness.pictures import photo

PHOTO = np.asarray(photo(120, 80))
SOFT = (PHOTO * 0.4 + 80).astype(np.uint8)
"""Colours that stay inside sRGB when they are changed a little."""
DEPTHS = [np.uint8, np.uint16]


def deep(picture: Pixels, depth: type) -> Pixels:
    return picture if depth is np.uint8 else picture.astype(np.uint16) * 257


def with_alpha(picture: Pixels) -> Pixels:
    alpha = np.random.default_rng(1).integers(0, 255, picture.shape[:2], dtype=np.uint8)
    return np.dstack([picture, alpha])


@pytest.mark.parametrize("value", [0.1, 0.5, 1, 2.2, 5])
@pytest.mark.parametrize("depth", DEPTHS)
def test_gamma_is_a_power_of_each_value(value, depth):
    picture, full = deep(PHOTO, depth), np.iinfo(depth).max

    made = applied(picture, "gamma", value=value)

    np.testing.assert_allclose(made, (picture / full) ** (1 / value) * full, atol=0.501)


def test_gamma_brightens_by_default_and_keeps_black_and_white():
    ends = np.array([[[0], [128], [255]]], np.uint8)

    assert applied(ends, "gamma").ravel().tolist() == [0, 186, 255]


@pytest.mark.parametrize("value", [0, 1, 128, 255])
@pytest.mark.parametrize("depth", DEPTHS)
def test_threshold_of_grey_is_exact(value, depth):
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)

    made = applied(deep(picture, depth), "threshold", value=value)

    np.testing.assert_array_equal(made, np.where(picture >= value, np.iinfo(depth).max, 0))
    assert made.dtype == depth


def test_threshold_looks_at_the_luminance_of_colours():
    picture = np.array([[[0, 255, 0], [0, 0, 255], [255, 0, 0], [90, 90, 90]]], np.uint8)

    assert applied(picture, "threshold", value=110).ravel().tolist() == [255, 0, 255, 0]


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("gamma", {}),
        ("threshold", {}),
        ("normalize", {}),
        ("equalize", {}),
        ("clahe", {"width": 9, "height": 9}),
    ],
)
def test_alpha_stays_bit_for_bit(action, parameters):
    picture = with_alpha(PHOTO)

    np.testing.assert_array_equal(applied(picture, action, **parameters)[..., -1], picture[..., 3])


def relit(picture: Pixels, lightness: Pixels) -> Pixels:
    lab = rgb2lab(picture)
    lab[..., 0] = lightness
    return lab2rgb(lab) * 255


@pytest.mark.parametrize(("lower", "upper"), [(0, 100), (1, 99), (20, 60)])
@pytest.mark.parametrize("depth", DEPTHS)
def test_normalize_stretches_lightness_between_percentiles(lower, upper, depth):
    lightness = rgb2lab(SOFT)[..., 0]
    dark, light = np.percentile(lightness, [lower, upper], method="inverted_cdf")
    stretched = (lightness - dark) / (light - dark) * 100
    usual = (stretched > 25) & (stretched < 95)
    wanted = relit(SOFT, np.where(usual, stretched, 50))
    inside = usual & ((wanted > 2) & (wanted < 253)).all(axis=-1)

    made = applied(deep(SOFT, depth), "normalize", lower=lower, upper=upper)

    assert inside.mean() > 0.2
    np.testing.assert_allclose((made / (np.iinfo(depth).max / 255))[inside], wanted[inside], atol=2)


def test_normalize_reaches_black_and_white():
    made = applied(SOFT[..., :1], "normalize", lower=0, upper=100)

    assert (made.min(), made.max()) == (0, 255)


@pytest.mark.parametrize("action", ["normalize", "equalize"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_a_flat_picture_stays_as_it_is(action, bands):
    flat = np.full((9, 8, bands), 77, np.uint8)

    np.testing.assert_array_equal(applied(flat, action), flat)


@pytest.mark.parametrize("action", ["normalize", "equalize"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_what_cannot_be_seen_does_not_count(action, depth):
    alone = deep(SOFT, depth)
    ground = np.zeros((40, 120, 3), depth)
    opaque = np.full((80, 120, 1), np.iinfo(depth).max, depth)
    picture = np.concatenate([np.dstack([alone, opaque]), np.dstack([ground, ground[..., :1]])])

    made = applied(picture, action)

    np.testing.assert_array_equal(made[:80, :, :3], applied(alone, action))


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("bands", [1, 3])
def test_equalize_gives_each_value_its_rank(depth, bands):
    picture, full = deep(SOFT[..., :bands], depth), np.iinfo(depth).max

    made = applied(picture, "equalize")

    for band in range(bands):
        values, counts = np.unique(picture[..., band], return_counts=True)
        ranks = (counts.cumsum() - counts[0]) / (counts.sum() - counts[0])
        wanted = np.interp(picture[..., band], values, ranks * full)
        np.testing.assert_allclose(made[..., band], wanted, atol=0.501)


@pytest.mark.parametrize("depth", DEPTHS)
def test_clahe_without_a_limit_is_the_rank_in_the_window(depth):
    levels = np.rint(rgb2lab(SOFT)[..., 0] * 2.55).astype(np.uint8)
    ranks = rank.equalize(levels, np.ones((21, 21))) / 2.55
    wanted = relit(SOFT, ranks)
    inside = ((wanted > 2) & (wanted < 253)).all(axis=-1)
    inside[:11] = inside[-11:] = inside[:, :11] = inside[:, -11:] = False

    made = applied(deep(SOFT, depth), "clahe", width=21, height=21, max_slope=0)

    assert inside.mean() > 0.2
    # A lightness that rounds the other way changes its rank.
    assert np.quantile(abs(made / (np.iinfo(depth).max / 255) - wanted)[inside], 0.999) < 4


def test_clahe_keeps_to_its_limit():
    faint = np.random.default_rng(0).normal(120, 3, (80, 120, 1)).astype(np.uint8)

    grown = [
        applied(faint, "clahe", width=30, height=30, max_slope=slope).std() / faint.std()
        for slope in (1, 2, 5, 0)
    ]

    assert grown == sorted(grown)
    assert grown[:3] == pytest.approx([1 + slope * 255 / (30 * 30) for slope in (1, 2, 5)], rel=0.06)
    assert grown[3] > 15


def test_a_window_larger_than_the_picture_is_the_picture():
    made = applied(SOFT, "clahe", width=5000, height="400%")

    np.testing.assert_array_equal(made, applied(SOFT, "clahe", width=120, height=80))
