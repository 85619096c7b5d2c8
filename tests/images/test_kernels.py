"""Pixels weighed as each kernel's own formula says, and fits placed to the pixel."""

from itertools import product

import numpy as np
import pytest
from PIL import Image

from harness.operating import Pixels, applied, operation, psnr
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError
from pixelflow.operations.gravity import PLACES

PICTURE = photo(240, 160)
PHOTO = np.asarray(PICTURE)
INNER = np.s_[8:-8, 8:-8]
KEPT = {"contain": (65535, 65535), "cover_down": (160, 160)}
"""What becomes of 240 × 160 pixels in a box of 65,535 × 65,535, where it is not left as it is."""


def lanczos(lobes):
    return lambda x: np.where(np.abs(x) < lobes, np.sinc(x) * np.sinc(x / lobes), 0)


def cubic(b, c):
    """Mitchell and Netravali, Reconstruction Filters in Computer Graphics, 1988."""

    def weight(x):
        x = np.abs(x)
        near = (12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + 6 - 2 * b
        far = (-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x + 8 * b + 24 * c
        return np.where(x < 1, near, np.where(x < 2, far, 0)) / 6

    return weight


def magic_2013(x):
    """Costella, The Magic Kernel: with the three-tap sharpening of 2013."""
    x = np.abs(x)
    return np.select(
        [x <= 0.5, x <= 1.5, x <= 2.5],
        [17 / 16 - 7 / 4 * x**2, x**2 - 11 / 4 * x + 7 / 4, -(x**2) / 8 + 5 / 8 * x - 25 / 32],
    )


def magic_2021(x):
    """The same with the sharpening of 2021."""
    x = np.abs(x)
    return np.select(
        [x <= 0.5, x <= 1.5, x <= 2.5, x <= 3.5, x <= 4.5],
        [
            577 / 576 - 239 / 144 * x**2,
            35 / 36 * (x - 1) * (x - 239 / 140),
            (x - 2) * (65 / 24 - x) / 6,
            (x - 3) * (x - 15 / 4) / 36,
            -((x - 9 / 2) ** 2) / 288,
        ],
    )


KERNELS = {
    "linear": lambda x: np.clip(1 - np.abs(x), 0, None),
    "cubic": cubic(0, 1 / 2),
    "mitchell": cubic(1 / 3, 1 / 3),
    "lanczos2": lanczos(2),
    "lanczos3": lanczos(3),
    "mks2013": magic_2013,
    "mks2021": magic_2021,
}


def weighed(picture: Pixels, width: int, height: int, kernel: str) -> Pixels:
    """Pixels in the middles of their squares, the kernel stretched where there are fewer after."""

    def weights(before: int, after: int) -> Pixels:
        middles = (np.arange(after)[:, None] + 0.5) * before / after
        found = KERNELS[kernel]((np.arange(before) + 0.5 - middles) / max(1, before / after))
        return found / found.sum(axis=1, keepdims=True)

    rows = np.einsum("ij,jkc->ikc", weights(picture.shape[0], height), picture.astype(float))
    return np.einsum("ij,kjc->kic", weights(picture.shape[1], width), rows)


def settled(values: Pixels) -> Pixels:
    """As 8 bits hold them."""
    return values.clip(0, 255).round()


@pytest.mark.parametrize("size", [(160, 107), (120, 80), (97, 61), (171, 113)])
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_is_the_one_that_it_is_called_after(kernel, size):
    made = applied(PHOTO, "resize", width=size[0], height=size[1], fit="fill", kernel=kernel)[INNER]

    found = {name: psnr(made, settled(weighed(PHOTO, *size, name))[INNER]) for name in KERNELS}

    assert found[kernel] > 52
    assert found[kernel] == max(found.values())


@pytest.mark.parametrize("size", [(480, 320), (241, 161), (1000, 700), (480, 100), (100, 300)])
@pytest.mark.parametrize(
    ("kernel", "same"), [("linear", "BILINEAR"), ("cubic", "BICUBIC"), ("lanczos3", "BICUBIC")]
)
def test_what_grows_stays_in_its_place(kernel, same, size):
    made = applied(PHOTO, "resize", width=size[0], height=size[1], fit="fill", enlarge=True, kernel=kernel)

    reference = PICTURE.resize(size, Image.Resampling[same])
    assert psnr(made, np.asarray(reference)) > 50


def test_a_dot_grows_evenly_around_itself():
    dot = np.zeros((9, 9, 1), np.uint8)
    dot[4, 4] = 200

    made = applied(dot, "resize", width=27, enlarge=True)[..., 0].astype(int)

    assert made.max() == made[13, 13] == 200
    np.testing.assert_array_equal(made, made[::-1])
    np.testing.assert_array_equal(made, made[:, ::-1])


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_what_cannot_be_seen_lends_no_colour_when_it_grows(depth):
    full = np.iinfo(depth).max
    picture = np.zeros((8, 8, 4), depth)
    picture[:, :4] = (full, 0, 0, full)
    picture[:, 4:] = (0, full, 0, 0)

    made = applied(picture, "resize", width=24, enlarge=True)

    seen = made[..., 3] > full // 50
    assert (made[..., 1][seen] == 0).all()
    assert (made[..., 0][seen] >= full * 0.98).all()


def test_linear_weighs_light():
    """Against sRGB's own curve (IEC 61966-2-1), where single bright pixels lie on dark ones."""
    stars = np.full((60, 90, 3), (10, 20, 40), np.uint8)
    stars[2::5, 3::7] = (255, 240, 200)
    share = stars / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)

    made = applied(stars, "resize", width=45, height=30, fit="fill", kernel="linear", linear=True)

    mean = weighed(light, 45, 30, "linear")
    wanted = settled(255 * np.where(mean <= 0.0031308, mean * 12.92, 1.055 * mean ** (1 / 2.4) - 0.055))
    assert np.abs(made - wanted)[2:-2, 2:-2].max() <= 1
    assert psnr(applied(stars, "resize", width=45, height=30, fit="fill", kernel="linear"), wanted) < 30


@pytest.mark.parametrize(("place", "fit"), [*product(PLACES, ["cover", "contain"])])
def test_every_place_is_exact_to_the_pixel(place, fit):
    across, down = PLACES[place]
    if fit == "cover":
        made = applied(PHOTO, "resize", width=91, height=80, fit=fit, gravity=place)
        left = int((120 - 91) * across)
        np.testing.assert_array_equal(made, applied(PHOTO, "resize", height=80)[:, left : left + 91])
        return
    made = applied(PHOTO, "resize", width=121, height=111, fit=fit, gravity=place, background="#010203")
    whole = applied(PHOTO, "resize", width=121)
    top, left = int((111 - whole.shape[0]) * down), int((121 - whole.shape[1]) * across)
    inside = np.zeros(made.shape[:2], bool)
    inside[top : top + whole.shape[0], left : left + whole.shape[1]] = True
    np.testing.assert_array_equal(made[inside].reshape(whole.shape), whole)
    assert (made[~inside] == (1, 2, 3)).all()


@pytest.mark.parametrize("fit", ["cover", "cover_down", "auto"])
@pytest.mark.parametrize(("x", "left"), [(0, 0), (0.3, 0), (0.5, 20), (0.6, 32), (0.75, 40), (1, 40)])
def test_a_focal_point_is_in_the_middle_as_far_as_the_edges_allow(x, left, fit):
    whole = applied(PHOTO, "resize", height=80)
    sides = {"width": 80, "height": 80} if fit != "auto" else {"width": 81, "height": 80}

    made = applied(PHOTO, "resize", **sides, fit=fit, gravity={"x": x, "y": 0.9})

    found = [
        start
        for start in range(whole.shape[1] - made.shape[1] + 1)
        if np.array_equal(made, whole[:, start : start + made.shape[1]])
    ]
    assert len(found) == 1
    assert abs(found[0] - left) <= 1


def test_outside_covers_the_box_and_cuts_nothing():
    made = applied(PHOTO, "resize", width=90, height=80, fit="outside")

    assert made.shape == (80, 120, 3)
    np.testing.assert_array_equal(made, applied(PHOTO, "resize", height=80))


def test_fill_distorts():
    made = applied(PHOTO, "resize", width=60, height=120, fit="fill")

    reference = PICTURE.resize((60, 120), Image.Resampling.LANCZOS)
    assert psnr(made, np.asarray(reference)) > 40


@pytest.mark.parametrize("fit", ["inside", "cover", "cover_down", "contain", "fill", "outside", "auto"])
def test_a_side_of_65535_is_a_side(fit):
    """It is taken, and enlarges nothing unless told; told, the limits decide."""
    small = operation("resize", width=65535, height=65535, fit=fit)
    large = operation("resize", width=65535, height=65535, fit=fit, enlarge=True)

    assert small.target(240, 160) == KEPT.get(fit, (240, 160))
    assert max(large.target(240, 160)) >= 65535
    with pytest.raises(ImageError, match="MAX_IMAGE_SIDE"):
        rendered(
            encoded(PICTURE, "PNG"),
            {"action": "resize", "width": 65535, "height": 65535, "fit": fit, "enlarge": True},
        )


@pytest.mark.parametrize(("dpr", "side"), [(0.1, 6), (1, 60), (1.5, 90), (2, 120), (8, 240)])
def test_dpr_multiplies_what_was_asked_for(dpr, side):
    np.testing.assert_array_equal(
        applied(PHOTO, "resize", width=60, dpr=dpr), applied(PHOTO, "resize", width=side)
    )


def test_a_percentage_is_of_the_picture_s_own_side():
    np.testing.assert_array_equal(
        applied(PHOTO, "resize", width="50%", height="25%", fit="fill"),
        applied(PHOTO, "resize", width=120, height=40, fit="fill"),
    )


def test_every_depth_grows_alike():
    eight = applied(PHOTO, "resize", width=360, enlarge=True)
    sixteen = applied(PHOTO.astype(np.uint16) * 257, "resize", width=360, enlarge=True)

    assert psnr(sixteen / 257, eight) > 55
