"""Round corners are what Pillow draws at sixteen times the size."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from harness.operating import animation, applied, apply, frames
from harness.pictures import photo

FINER = 16


def covered(width, height, radius):
    """How much of each pixel lies within a box with round corners, 0 to 1."""
    mask = Image.new("L", (width * FINER, height * FINER))
    box = (0, 0, width * FINER - 1, height * FINER - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius * FINER, 255)
    return np.asarray(mask).reshape(height, FINER, width, FINER).mean((1, 3)) / 255


@pytest.mark.parametrize(
    ("size", "radius", "pixels"),
    [
        ((60, 40), 1, 1),
        ((60, 40), 12, 12),
        ((60, 40), "25%", 10),
        ((60, 40), "max", 20),
        ((60, 40), 65535, 20),
        ((61, 41), "max", 20.5),
        ((41, 41), "full", 20.5),
    ],
)
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_alpha_is_how_much_of_a_pixel_is_left(size, radius, pixels, depth):
    full = np.iinfo(depth).max
    picture = np.asarray(photo(*size)).astype(depth) * (full // 255)

    made = applied(picture, "round_corners", radius=radius)

    assert made.dtype == depth
    np.testing.assert_array_equal(made[..., :3], picture)
    np.testing.assert_allclose(made[..., 3] / full, covered(*size, pixels), atol=0.065)
    assert made[size[1] // 2, size[0] // 2, 3] == full


def test_what_was_half_transparent_is_so_still():
    picture = np.dstack([np.asarray(photo(40, 40)), np.full((40, 40), 100, np.uint8)])

    made = applied(picture, "round_corners", radius=10)

    np.testing.assert_allclose(made[..., 3], covered(40, 40, 10) * 100, atol=6)
    assert (made[10:30, 10:30, 3] == 100).all()


def test_a_colour_lies_under_the_corners_and_nowhere_else():
    picture = np.asarray(photo(50, 40))

    made = applied(picture, "round_corners", radius=15, color="#336699")

    cover = covered(50, 40, 15)[..., None]
    np.testing.assert_allclose(made, picture * cover + np.array([0x33, 0x66, 0x99]) * (1 - cover), atol=15)
    assert tuple(made[0, 0]) == (0x33, 0x66, 0x99)


def test_a_colour_mixes_with_alpha_as_light_does():
    picture = np.zeros((40, 40, 4), np.uint8)
    picture[...] = (200, 0, 0, 128)

    made = applied(picture, "round_corners", radius=20, color="#0000ff80").astype(float)

    cover = covered(40, 40, 20)
    np.testing.assert_allclose(made[..., 3], 128, atol=1)
    np.testing.assert_allclose(made[..., 0], 200 * cover, atol=13)
    np.testing.assert_allclose(made[..., 2], 255 * (1 - cover), atol=16)


def test_each_frame_has_its_own_corners():
    stills = [np.asarray(photo(30, 20, seed)) for seed in range(3)]

    made = apply(animation(stills), "round_corners", radius=5)

    assert made.get_page_height() == 20
    for frame in frames(made):
        assert frame[0, 0, 3] == frame[19, 29, 3] < 20
        assert (frame[5:15, :, 3] == 255).all()
