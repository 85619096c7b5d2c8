"""Words are where they should be, in the right colour, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.operating import applied
from pixelflow.domain.errors import ImageError, InvalidRequest

GREY = np.full((200, 400, 3), 128, np.uint8)
ENDS = {"north_west": (0, 0), "south_east": (1, 1), "north_east": (1, 0), "south_west": (0, 1)}


def ink(made, ground=GREY):
    """Left, top, right and bottom of what changed."""
    rows, columns = np.nonzero((made != ground).any(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("size", [16, 32, 64, 100])
def test_the_size_is_that_of_the_type(size):
    left, top, right, bottom = ink(applied(GREY, "text", text="H", size=size))

    assert bottom - top == pytest.approx(0.714 * size, abs=2)  # the capital height of Noto Sans
    assert right - left < size


def test_full_cover_has_exactly_the_colour():
    made = applied(GREY, "text", text="█", size=100, color="#ff8000")

    assert (made[100, 200] == (255, 128, 0)).all()
    between = np.linspace(GREY[0, 0], (255, 128, 0), 256)
    distance = np.abs(made[:, :, None, :].reshape(-1, 1, 3)[::97] - between[None]).max(axis=2).min(axis=1)
    assert distance.max() <= 1.5


@pytest.mark.parametrize("gravity", ENDS)
def test_gravity_puts_the_ink_at_the_edge(gravity):
    left, top, right, bottom = ink(
        applied(GREY, "text", text="Hill", size=40, gravity=gravity, color="white")
    )

    across, down = ENDS[gravity]
    assert (right if across else left) == (400 if across else 0)
    assert (bottom if down else top) == (200 if down else 0)


def test_offsets_lead_inward():
    plain = ink(applied(GREY, "text", text="Hill", size=40, gravity="south_east"))
    moved = ink(applied(GREY, "text", text="Hill", size=40, gravity="south_east", x=30, y="10%"))

    assert moved == tuple(np.array(plain) - (30, 20, 30, 20))


@pytest.mark.parametrize("box", [(300, 50), (60, 180), ("75%", "25%"), (10, 10)])
def test_words_fit_their_box(box):
    made = applied(GREY, "text", text="Fit", width=box[0], height=box[1])

    left, top, right, bottom = ink(made)
    width, height = (round(400 * 0.75), round(200 * 0.25)) if isinstance(box[0], str) else box
    assert right - left <= width
    assert bottom - top <= height
    assert right - left > 0.8 * width or bottom - top > 0.6 * height


def test_lines_break_where_they_are_told():
    text = "one two three four"
    one = ink(applied(GREY, "text", text=text, size=24))
    wrapped = ink(applied(GREY, "text", text=text, size=24, wrap_width=100))
    spaced = ink(applied(GREY, "text", text=text, size=24, wrap_width=100, spacing=15))

    assert wrapped[2] - wrapped[0] <= 100 < one[2] - one[0]
    assert wrapped[3] - wrapped[1] > 1.5 * (one[3] - one[1])
    assert spaced[3] - spaced[1] >= wrapped[3] - wrapped[1] + 15


def test_a_long_line_breaks_at_the_picture_s_width():
    left, _, right, _ = ink(applied(GREY, "text", text="word " * 30, size=24))

    assert right - left <= 400


def test_lines_lie_to_each_other_as_asked():
    def lines(align):
        made = applied(GREY, "text", text="MMMMMM\nM", size=30, align=align, gravity="north_west")
        left, top, right, bottom = ink(made)
        second = made[(top + bottom) // 2 + 4 :]
        columns = np.nonzero((second != 128).any(axis=(0, 2)))[0]
        return columns.min() - left, right - columns.max() - 1

    assert lines("left")[0] <= 3
    assert lines("right")[1] <= 3
    assert abs(np.subtract(*lines("center"))) <= 4


def test_markup_is_shown_as_it_is_typed():
    bold = ink(applied(GREY, "text", text="<b>x</b> & y", size=20))
    plain = ink(applied(GREY, "text", text="x & y", size=20))

    assert bold[2] - bold[0] > 1.8 * (plain[2] - plain[0])


def test_bold_is_bolder():
    def cover(font):
        return (applied(GREY, "text", text="Hill", size=60, font=font) != 128).mean()

    assert cover("Noto Sans Bold") > 1.2 * cover("Noto Sans")


def test_opacity_and_the_colour_s_own_alpha_multiply():
    made = applied(GREY, "text", text="█", size=100, color="#ffffff80", opacity=0.5)

    assert made[100, 200] == pytest.approx(128 + 127 * 0.25, abs=1)


@pytest.mark.parametrize("stroke", [1, 4, 12])
def test_an_outline_surrounds_the_letters_by_its_width(stroke):
    without = ink(applied(GREY, "text", text="I", size=60, color="black"))
    made = applied(GREY, "text", text="I", size=60, color="black", stroke=stroke, stroke_color="lime")

    with_it = ink(made)
    assert (without[0] - with_it[0], with_it[2] - without[2]) == pytest.approx((stroke, stroke), abs=1)
    assert (without[1] - with_it[1], with_it[3] - without[3]) == pytest.approx((stroke, stroke), abs=1)
    assert (made == (0, 255, 0)).all(axis=2).any()
    assert (made == (0, 0, 0)).all(axis=2).any()


def test_a_box_lies_behind():
    bare = ink(applied(GREY, "text", text="box", size=40))
    made = applied(GREY, "text", text="box", size=40, color="white", background="#000000", padding=10)

    left, top, right, bottom = ink(made)
    assert (right - left, bottom - top) == (bare[2] - bare[0] + 20, bare[3] - bare[1] + 20)
    assert (made[top, left:right] == 0).all()
    assert (made[top:bottom, left] == 0).all()


def test_words_can_be_turned_and_repeated():
    flat = ink(applied(GREY, "text", text="turned", size=30))
    turned = ink(applied(GREY, "text", text="turned", size=30, rotate=90))
    assert (turned[2] - turned[0], turned[3] - turned[1]) == (flat[3] - flat[1], flat[2] - flat[0])

    tiled = applied(GREY, "text", text="tile", size=20, tile="grid", tile_spacing=10)
    quarters = [tiled[:100, :200], tiled[:100, 200:], tiled[100:, :200], tiled[100:, 200:]]
    assert all((quarter != 128).any() for quarter in quarters)


def test_alpha_comes_with_the_ink():
    made = applied(np.zeros((100, 200, 4), np.uint8), "text", text="█", size=60, color="red")

    assert tuple(made[50, 100]) == (255, 0, 0, 255)
    assert made[0, 0, 3] == 0


def test_text_that_would_take_all_memory_is_refused():
    with pytest.raises(ImageError, match="so much text"):
        applied(GREY, "text", text="W\n" * 900, size=1000, wrap_width=65535)


@pytest.mark.parametrize("text", ["", " ", "\n\t", "a\x00b", "\x1b[31m", "\ud800", "x" * 2001])
def test_text_that_cannot_be_shown_is_refused(text):
    with pytest.raises(InvalidRequest):
        applied(GREY, "text", text=text)


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_any_text_is_shown_or_refused(text):
    try:
        made = applied(GREY, "text", text=text, size=12)
    except (InvalidRequest, ImageError):
        return
    assert made.shape == GREY.shape
