"""Blur is a Gaussian; sharpening raises contrast at edges and nothing else."""

import numpy as np
import pytest
from scipy.ndimage import correlate, gaussian_filter, median_filter
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


WIDE = PHOTO.astype(np.uint16) * 257
HALF = np.dstack([PHOTO, np.full(PHOTO.shape[:2], 255, np.uint8)])
HALF[:, 100:] = (9, 250, 9, 0)
"""The left half of the photo; the right one is transparent and hides a green."""


@pytest.mark.parametrize(("picture", "full"), [(PHOTO, 255), (WIDE, 65535)])
@pytest.mark.parametrize(("sigma", "amount"), [(1, 1), (0.5, 2), (5, 0.3), (40, 1)])
def test_unsharp_adds_the_difference_to_a_gaussian(picture, full, sigma, amount):
    made = applied(picture, "unsharp", sigma=sigma, amount=amount)

    wanted = picture + amount * (picture - reference(picture, sigma))
    assert psnr(made, np.clip(wanted, 0, full), full) > 42


def test_unsharp_by_nothing_is_nothing():
    np.testing.assert_array_equal(applied(PHOTO, "unsharp", amount=0), PHOTO)


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("unsharp", {"sigma": 3}),
        ("convolve", {"kernel": [[1, 2, 1], [2, 4, 2], [1, 2, 1]]}),
        ("convolve", {"kernel": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], "offset": 90}),
    ],
)
def test_alpha_stays_and_what_is_hidden_never_shows(action, parameters):
    other = HALF.copy()
    other[:, 100:, :3] = (250, 0, 70)

    made = applied(HALF, action, **parameters)

    np.testing.assert_array_equal(made[..., 3], HALF[..., 3])
    np.testing.assert_array_equal(made[:, :100], applied(other, action, **parameters)[:, :100])


@pytest.mark.parametrize("picture", [PHOTO, WIDE, PHOTO[..., :1]])
@pytest.mark.parametrize("size", [2, 7, 10, 150, 170, 500])
def test_pixelate_takes_the_mean_of_every_square(picture, size):
    made = applied(picture, "pixelate", size=size)

    wanted = np.empty(picture.shape)
    for top in range(0, 150, size):
        for left in range(0, 200, size):
            square = np.s_[top : top + size, left : left + size]
            wanted[square] = picture[square].mean((0, 1))
    np.testing.assert_allclose(made, wanted, atol=1)


def test_pixelate_mixes_in_no_hidden_colour():
    made = applied(HALF, "pixelate", size=200)

    np.testing.assert_allclose(
        made[..., :3], np.broadcast_to(PHOTO[:, :100].mean((0, 1)), PHOTO.shape), atol=2
    )
    np.testing.assert_allclose(made[..., 3], 127.5, atol=1)


@pytest.mark.parametrize("picture", [PHOTO, WIDE, PHOTO[..., :1]])
@pytest.mark.parametrize("size", [3, 5, 11])
def test_median_agrees_with_scipy(picture, size):
    np.testing.assert_array_equal(
        applied(picture, "median", size=size), median_filter(picture, (size, size, 1), mode="nearest")
    )


@pytest.mark.parametrize("size", [21, 51])
def test_median_of_a_picture_smaller_than_the_window(size):
    picture = PHOTO[:20, :30]

    np.testing.assert_array_equal(
        applied(picture, "median", size=size), median_filter(picture, (size, size, 1), mode="nearest")
    )


def test_median_takes_no_hidden_colour():
    made = applied(HALF, "median", size=5)

    assert set(np.unique(made[..., 3])) == {0, 255}
    np.testing.assert_array_equal(made[:, :98, :3], applied(PHOTO, "median", size=5)[:, :98])


@pytest.mark.parametrize(
    ("kernel", "scale", "offset"),
    [
        ([[1]], None, 0),
        ([[1, 2, 1], [2, 4, 2], [1, 2, 1]], None, 0),
        ([[0, 1, 0], [1, -4, 1], [0, 1, 0]], None, 128),
        ([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], None, 0),
        ([[0, 0.5, 3], [0, 0, 0], [0, 0, 0]], 4, -20),
        ([[0, 0, 0], [0, -1, 0], [0, 0, 0]], None, 255),
        (np.arange(25).reshape(5, 5).tolist(), None, 0),
        (np.random.default_rng(8).normal(size=(7, 7)).tolist(), 3, 60),
    ],
)
@pytest.mark.parametrize(("picture", "full"), [(PHOTO, 255), (WIDE, 65535)])
def test_convolve_agrees_with_scipy(picture, full, kernel, scale, offset):
    given = {"kernel": kernel, "offset": offset} | ({"scale": scale} if scale else {})

    made = applied(picture, "convolve", **given)

    total = np.sum(kernel)
    sums = correlate(picture.astype(float), np.asarray(kernel, float)[..., None], mode="nearest")
    wanted = sums / (scale or (total if total > 0 else 1)) + offset * full / 255
    np.testing.assert_allclose(made, np.clip(wanted, 0, full), atol=0.51)


def test_a_flat_kernel_is_the_same_in_one_list():
    rows = [[1, 0, 0], [0, 2, 0], [0, 0, 3]]

    np.testing.assert_array_equal(
        applied(PHOTO, "convolve", kernel=[weight for row in rows for weight in row]),
        applied(PHOTO, "convolve", kernel=rows),
    )


def test_a_kernel_that_only_averages_keeps_flat_colour_beside_what_is_transparent():
    picture = np.zeros((30, 30, 4), np.uint8)
    picture[:, :15] = (120, 60, 30, 255)

    made = applied(picture, "convolve", kernel=[[1] * 5] * 5)

    np.testing.assert_array_equal(made[:, :15], picture[:, :15])
