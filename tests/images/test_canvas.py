"""Room around a picture, compared with numpy's."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from harness.operating import applied, operation, psnr
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError

PHOTO = np.asarray(photo(30, 20))
ROOM = {"top": 5, "right": 4, "bottom": 3, "left": 2}
WIDTHS = ((5, 3), (2, 4), (0, 0))


@pytest.mark.parametrize(
    ("mode", "reference"), [("copy", "edge"), ("repeat", "wrap"), ("mirror", "symmetric")]
)
def test_modes_do_what_numpy_calls_them(mode, reference):
    np.testing.assert_array_equal(applied(PHOTO, "pad", mode=mode, **ROOM), np.pad(PHOTO, WIDTHS, reference))


def test_a_colour_fills_the_room():
    made = applied(PHOTO, "pad", color="tomato", **ROOM)

    wanted = np.full((28, 36, 3), (255, 99, 71), np.uint8)
    wanted[5:25, 2:32] = PHOTO
    np.testing.assert_array_equal(made, wanted)


def test_sixteen_bits_have_the_same_colour():
    made = applied(PHOTO.astype(np.uint16) * 257, "pad", top=1, color="#804020")

    assert tuple(made[0, 0]) == (0x8080, 0x4040, 0x2020)


def test_the_room_is_transparent_by_default():
    made = applied(PHOTO, "pad", left=10)

    assert (made[:, :10, 3] == 0).all()
    assert (made[:, 10:, 3] == 255).all()
    np.testing.assert_array_equal(made[:, 10:, :3], PHOTO)


@pytest.mark.parametrize(
    ("parameters", "size", "corner"),
    [
        ({"width": 50, "height": 40}, (50, 40), (10, 10)),
        ({"width": 50}, (50, 20), (10, 0)),
        ({"width": 10, "height": 40}, (30, 40), (0, 10)),
        ({"width": "200%", "height": "100%"}, (60, 20), (15, 0)),
        ({"width": 50, "height": 40, "gravity": "south_east"}, (50, 40), (20, 20)),
        ({"aspect_ratio": "1:1"}, (30, 30), (0, 5)),
        ({"aspect_ratio": 4, "gravity": "west"}, (80, 20), (0, 0)),
        ({"aspect_ratio": "3:2"}, (30, 20), (0, 0)),
        ({"left": "10%", "top": "50%"}, (33, 30), (3, 10)),
    ],
)
def test_the_picture_lies_where_it_should(parameters, size, corner):
    made = applied(PHOTO, "pad", color="black", **parameters)

    assert (made.shape[1], made.shape[0]) == size == operation("pad", **parameters).target(30, 20)
    left, top = corner
    np.testing.assert_array_equal(made[top : top + 20, left : left + 30], PHOTO)


@pytest.mark.parametrize("mode", ["copy", "repeat", "mirror", "blur"])
@pytest.mark.parametrize(
    "room", [{"width": 77, "height": 31, "gravity": "north_west"}, {"aspect_ratio": "2:3"}]
)
def test_extend_is_padding_up_to_a_size_or_a_shape(mode, room):
    made = applied(PHOTO, "extend", mode=mode, **room)

    np.testing.assert_array_equal(made, applied(PHOTO, "pad", mode=mode, **room))
    assert (made.shape[1], made.shape[0]) == operation("extend", **room).target(30, 20) != (30, 20)


@pytest.mark.parametrize(("width", "thick"), [(1, 1), (7, 7), ("10%", 2), ("0.1%", 1), ("200%", 40)])
def test_a_border_lies_around_the_picture(width, thick):
    made = applied(PHOTO, "border", width=width, color="tomato")

    wanted = np.full((20 + 2 * thick, 30 + 2 * thick, 3), (255, 99, 71), np.uint8)
    wanted[thick:-thick, thick:-thick] = PHOTO
    np.testing.assert_array_equal(made, wanted)
    assert (made.shape[1], made.shape[0]) == operation("border", width=width).target(30, 20)


def test_a_border_shows_through_as_its_colour_says():
    made = applied(PHOTO, "border", width=2, color="#ff000080")

    assert tuple(made[0, 0]) == (255, 0, 0, 128)
    assert (made[2:-2, 2:-2, 3] == 255).all()


def test_auto_is_the_mean_of_the_edge_alpha_weighed():
    picture = np.zeros((10, 10, 4), np.uint8)
    picture[:, :5] = (200, 100, 0, 255)
    picture[:, 5:] = (0, 0, 250, 0)

    made = applied(picture, "pad", top=4, color="auto")

    np.testing.assert_allclose(made[0, 0], (200, 100, 0, 128), atol=1)


def test_a_blurred_ground_is_the_picture_without_its_detail():
    picture = np.asarray(photo(200, 100))

    made = applied(picture, "pad", aspect_ratio="1:1", mode="blur")

    np.testing.assert_array_equal(made[50:150], picture)
    square = Image.fromarray(picture[:, 50:150]).resize((200, 200), Image.Resampling.BICUBIC)
    ground = gaussian_filter(np.asarray(square).astype(float), (6, 6, 0), mode="nearest")
    assert psnr(made[:50], ground[:50]) > 30
    assert psnr(made[150:], ground[150:]) > 30


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_background_is_alpha_blending(depth):
    full = np.iinfo(depth).max
    random = np.random.default_rng(7)
    picture = random.integers(0, full, (20, 30, 4), dtype=depth)

    made = applied(picture, "background", color="#336699")

    alpha = picture[..., 3:] / full
    behind = np.array([0x33, 0x66, 0x99]) / 255 * full
    np.testing.assert_allclose(made, picture[..., :3] * alpha + behind * (1 - alpha), atol=1.01)
    assert made.shape == (20, 30, 3)


def test_an_opaque_picture_has_no_use_for_a_background():
    np.testing.assert_array_equal(applied(PHOTO, "background", color="red"), PHOTO)


@pytest.mark.parametrize(
    "step",
    [
        {
            "action": "resize",
            "width": 65535,
            "height": 65535,
            "fit": "contain",
            "background": "auto",
            "enlarge": True,
        },
        {"action": "pad", "width": 65535, "height": 65535, "color": "auto"},
        {"action": "pad", "right": "99999%", "mode": "blur"},
        {"action": "extend", "aspect_ratio": 1000, "mode": "repeat"},
        {"action": "border", "width": "99999%"},
        {
            "action": "resize",
            "width": "99999%",
            "height": 9,
            "fit": "cover",
            "gravity": "attention",
            "enlarge": True,
        },
    ],
)
def test_a_canvas_beyond_the_limits_is_refused_before_it_is_made(step):
    with pytest.raises(ImageError, match="MAX_IMAGE_SIDE") as refused:
        rendered(encoded(photo(300, 200)), step)

    assert refused.value.code == "limit"
