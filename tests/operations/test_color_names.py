"""Colours as CSS has them."""

import pytest
from PIL import ImageColor

from pixelflow.operations.color import rgba
from pixelflow.operations.color_names import NAMES


def test_all_names_of_css_are_known():
    assert len(NAMES) == 148
    assert set(NAMES) == set(ImageColor.colormap)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_name_is_the_colour_that_others_take_it_for(name):
    assert rgba(name) == (*ImageColor.getrgb(name), 255)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("#f80", (255, 136, 0, 255)),
        ("#f808", (255, 136, 0, 136)),
        ("#FF8000", (255, 128, 0, 255)),
        ("#ff800040", (255, 128, 0, 64)),
        ("transparent", (0, 0, 0, 0)),
        (" Red ", (255, 0, 0, 255)),
    ],
)
def test_hexadecimal_and_transparent(text, values):
    assert rgba(text) == values


@pytest.mark.parametrize(
    "text", ["", "#", "#12", "#12345", "#1234567", "#gggggg", "reddish", "rgb(0,0,0)", "# fff"]
)
def test_anything_else_is_no_colour(text):
    with pytest.raises(ValueError, match="not a colour"):
        rgba(text)
