"""Blur is a Gaussian; sharpening raises contrast at edges and nothing else."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2lab

from harness.operating import applied, psnr
from harness.pictures import photo

PHOTO = np.asarray(photo(200, 150))


def reference(picture, sigma):
    return gaussian_filter(picture.astype(float), (sigma, sigma, 0), mode="nearest", truncate=6)


@pytest.mark.parametrize("sigma", [0.3, 0.4, 0.8, 1, 2, 3, 7.5, 20, 24, 31.9, 32, 40, 100, 250])
def test_blur_agrees_with_scipy(sigma):
    assert psnr(applied(PHOTO, "blur", sigma=sigma), reference(PHOTO, sigma)) > 48


@pytest.mark.parametrize("sigma", [0.5, 3, 30])
def test_blur_of_sixteen_bits_has_their_precision(sigma):
    wide = PHOTO.astype(np.uint16) * 257

    assert psnr(applied(wide, "blur", sigma=sigma), reference(wide, sigma), 65535) > 48


@pytest.mark.parametrize("sigma", [0.3, 1, 2.5, 6, 11, 50, 250])
@pytest.mark.parametrize("grey", [0, 1, 127, 200, 255])
def test_a_flat_area_keeps_its_value(sigma, grey):
    assert (applied(np.full((40, 40, 1), grey, np.uint8), "blur", sigma=sigma) == grey).all()


@pytest.mark.parametrize("sigma", [2, 40])
def test_transparent_pixels_lend_no_colour_to_a_blur(sigma):
    picture = np.zeros((60, 60, 4), np.uint8)
    picture[:, :30] = (250, 0, 0, 255)
    picture[:, 30:] = (0, 250, 0, 0)

    made = applied(picture, "blur", sigma=sigma)

    opacity = reference(picture, sigma)[..., 3]
    np.testing.assert_allclose(made[..., 3], opacity, atol=3)
    weight = made[..., 3] / 255
    np.testing.assert_allclose(made[..., 0] * weight, 250 * weight, atol=1)
    np.testing.assert_allclose(made[..., 1] * weight, 0, atol=1)


def test_sharpen_raises_the_contrast_of_lightness_at_an_edge_only():
    picture = np.full((40, 40, 3), 80, np.uint8)
    picture[:, 20:] = 170
    soft = applied(picture, "blur", sigma=1.5)

    made = applied(soft, "sharpen", sigma=1.5, jagged=3)

    steepness = np.abs(np.diff(soft[20, :, 0].astype(int))).max()
    assert np.abs(np.diff(made[20, :, 0].astype(int))).max() > 1.2 * steepness
    np.testing.assert_allclose(made[:, :8], 80, atol=1)
    np.testing.assert_allclose(made[:, 32:], 170, atol=1)


def test_sharpen_leaves_colour_alone():
    before, after = rgb2lab(PHOTO), rgb2lab(applied(PHOTO, "sharpen", sigma=1))
    inside = (applied(PHOTO, "sharpen", sigma=1) > 3).all(axis=2) & (
        applied(PHOTO, "sharpen", sigma=1) < 252
    ).all(axis=2)

    assert np.abs(before[..., 1:] - after[..., 1:])[inside].mean() < 1
    assert np.abs(before[..., 0] - after[..., 0]).max() > 3


def test_more_jagged_is_sharper_and_nothing_is_nothing():
    def contrast(array):
        return np.abs(np.diff(array.astype(int), axis=1)).mean()

    none = applied(PHOTO, "sharpen", sigma=1, flat=0, jagged=0)
    some = applied(PHOTO, "sharpen", sigma=1, flat=1, jagged=2)
    much = applied(PHOTO, "sharpen", sigma=1, flat=1, jagged=6)
    np.testing.assert_allclose(none, PHOTO, atol=1)
    assert contrast(PHOTO) < contrast(some) < contrast(much)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_sharpen_leaves_alpha_bit_for_bit(depth):
    picture = np.random.default_rng(2).integers(0, np.iinfo(depth).max, (30, 30, 4), dtype=depth)

    np.testing.assert_array_equal(applied(picture, "sharpen")[..., 3], picture[..., 3])
