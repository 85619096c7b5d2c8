"""What changes each pixel by itself, compared with its formula."""

import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab

from harness.operating import applied
from harness.pictures import photo

PHOTO = np.asarray(photo(120, 80))
SOFT = (PHOTO * 0.4 + 80).astype(np.uint8)
"""Colours that stay inside sRGB when they are changed a little."""


def light(values):
    values = values / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def coded(values):
    return 255 * np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)


def test_grayscale_keeps_the_luminance():
    made = applied(PHOTO, "grayscale")

    luminance = light(PHOTO) @ np.array([0.2126, 0.7152, 0.0722])
    assert made.shape == (80, 120, 1)
    np.testing.assert_allclose(made[..., 0], coded(luminance), atol=1.5)


def test_grayscale_of_grey_is_the_same():
    np.testing.assert_array_equal(applied(PHOTO[..., :1], "grayscale"), PHOTO[..., :1])


@pytest.mark.parametrize("amount", [0, 0.3, 0.8, 1])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_sepia_is_the_matrix_of_the_filter_effects_module(amount, depth):
    picture = PHOTO if depth is np.uint8 else PHOTO.astype(np.uint16) * 257

    made = applied(picture, "sepia", amount=amount)

    full = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    matrix = amount * full + (1 - amount) * np.eye(3)
    np.testing.assert_allclose(made, (picture @ matrix.T).clip(0, np.iinfo(depth).max), atol=1)


def test_sepia_gives_grey_a_colour():
    made = applied(PHOTO[..., :1], "sepia", amount=1)

    assert (made[..., 0] >= made[..., 2]).all()
    assert made.shape == (80, 120, 3)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_invert_is_exact_and_leaves_alpha(depth, bands):
    full = np.iinfo(depth).max
    picture = np.random.default_rng(bands).integers(0, full, (9, 8, bands), dtype=depth)

    made = applied(picture, "invert")

    colors = bands if bands % 2 else bands - 1
    np.testing.assert_array_equal(made[..., :colors], full - picture[..., :colors])
    np.testing.assert_array_equal(made[..., colors:], picture[..., colors:])


def test_adjusting_nothing_changes_nothing():
    np.testing.assert_array_equal(applied(PHOTO, "adjust"), PHOTO)
    np.testing.assert_array_equal(applied(PHOTO, "adjust", hue=360), PHOTO)


@pytest.mark.parametrize("contrast", [0, 0.5, 1.7, 10])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_contrast_stretches_around_mid_grey(contrast, depth):
    picture = PHOTO if depth is np.uint8 else PHOTO.astype(np.uint16) * 257
    full = np.iinfo(depth).max

    made = applied(picture, "adjust", contrast=contrast)

    wanted = ((picture.astype(float) - full / 2) * contrast + full / 2).clip(0, full)
    np.testing.assert_allclose(made, wanted, atol=0.51)


@pytest.mark.parametrize(
    "parameters",
    [
        {"brightness": 1.2},
        {"brightness": 0.5},
        {"lightness": 15},
        {"lightness": -30},
        {"saturation": 0},
        {"saturation": 0.4},
        {"saturation": 1.5},
        {"hue": 90},
        {"hue": -45},
        {"brightness": 1.1, "saturation": 0.7, "hue": 200, "lightness": -4},
    ],
)
def test_lightness_chroma_and_hue_change_in_lch(parameters):
    lightness, a, b = np.moveaxis(rgb2lab(SOFT), -1, 0)
    chroma, hue = np.hypot(a, b), np.arctan2(b, a)
    lightness = lightness * parameters.get("brightness", 1) + parameters.get("lightness", 0)
    chroma = chroma * parameters.get("saturation", 1)
    hue = hue + np.deg2rad(parameters.get("hue", 0))
    wanted = lab2rgb(np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], -1)) * 255
    inside = ((wanted > 2) & (wanted < 253)).all(axis=-1)

    made = applied(SOFT, "adjust", **parameters)

    assert inside.mean() > 0.9
    np.testing.assert_allclose(made[inside], wanted[inside], atol=2)


@pytest.mark.parametrize(
    "parameters", [{"brightness": 1.5}, {"contrast": 2}, {"hue": 120}, {"saturation": 0}]
)
def test_adjust_leaves_alpha_bit_for_bit(parameters):
    picture = np.random.default_rng(1).integers(0, 255, (30, 30, 4), dtype=np.uint8)

    np.testing.assert_array_equal(applied(picture, "adjust", **parameters)[..., 3], picture[..., 3])


def test_a_grey_picture_stays_grey_when_it_is_adjusted():
    made = applied(SOFT[..., :1], "adjust", brightness=1.3, hue=100)

    assert made.shape == (80, 120, 1)
    assert made.mean() > SOFT[..., :1].mean()


@pytest.mark.parametrize("amount", [0, 0.4, 1])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_tint_keeps_lightness_and_takes_the_chroma_of_the_colour(amount, depth):
    picture = SOFT if depth is np.uint8 else SOFT.astype(np.uint16) * 257
    lab = rgb2lab(SOFT)
    chroma = rgb2lab(np.array([[[200, 140, 90]]], np.uint8))[..., 1:]
    lab[..., 1:] = lab[..., 1:] * (1 - amount) + chroma * amount
    wanted = lab2rgb(lab) * 255
    inside = ((wanted > 2) & (wanted < 253)).all(axis=-1)

    made = applied(picture, "tint", color="#c88c5a", amount=amount)

    assert inside.mean() > 0.9
    np.testing.assert_allclose((made / (np.iinfo(depth).max / 255))[inside], wanted[inside], atol=1.5)


@pytest.mark.parametrize("bands", [1, 2])
def test_tint_and_duotone_give_grey_a_colour(bands):
    picture = PHOTO[..., :bands]

    for action, parameters in (("tint", {"color": "red"}), ("duotone", {"highlight": "red"})):
        made = applied(picture, action, **parameters)
        assert made.shape == (80, 120, bands + 2)
        assert (made[..., 0] >= made[..., 1]).all()
        np.testing.assert_array_equal(made[..., 3:], picture[..., 1:])


@pytest.mark.parametrize("amount", [0, 0.3, 1])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_duotone_lies_between_its_colours(amount, depth):
    picture = PHOTO if depth is np.uint8 else PHOTO.astype(np.uint16) * 257
    full = np.iinfo(depth).max
    dark, bright = np.array([16, 32, 64]) / 255, np.array([255, 204, 102]) / 255
    grey = coded(light(PHOTO) @ np.array([0.2126, 0.7152, 0.0722]))[..., None] / 255
    wanted = PHOTO / 255 * (1 - amount) + (dark + (bright - dark) * grey) * amount

    made = applied(picture, "duotone", shadow="#102040", highlight="#fc6", amount=amount)

    np.testing.assert_allclose(made / full, wanted, atol=1.6 / 255)


def test_duotone_gives_black_and_white_its_colours_exactly():
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)

    made = applied(ends, "duotone", shadow="#102040", highlight="#fc6")

    assert made.tolist() == [[[16, 32, 64], [255, 204, 102]]]
