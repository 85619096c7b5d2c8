"""How light and dark are spread, compared with the formulas in floats."""

import numpy as np
import pytest

from harness.operating import Pixels, applied
from harness.pictures import photo

PHOTO = np.asarray(photo(120, 80))
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


@pytest.mark.parametrize(("action", "parameters"), [("gamma", {}), ("threshold", {})])
def test_alpha_stays_bit_for_bit(action, parameters):
    picture = with_alpha(PHOTO)

    np.testing.assert_array_equal(applied(picture, action, **parameters)[..., -1], picture[..., 3])
