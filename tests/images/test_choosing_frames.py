"""The frames step: which frames stay, and how they are played."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageSequence

from harness.operating import animation, apply, frames, pixels, still
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError, InvalidRequest
from pixelflow.operations.pipeline import parse

FRAMES = [photo(60, 40, seed=seed) for seed in range(5)]
ARRAYS = [np.asarray(frame) for frame in FRAMES]
DELAYS = [100, 200, 50, 400, 80]


def moving(form="WEBP", **options):
    return encoded(
        FRAMES[0], form, save_all=True, append_images=FRAMES[1:], duration=DELAYS, loop=3, **options
    )


def played(content):
    """Each frame's pixels and milliseconds, as Pillow reads them."""
    found = []
    for frame in ImageSequence.Iterator(Image.open(BytesIO(content))):
        shown = np.asarray(frame.convert("RGB"))
        found.append((shown, frame.info["duration"]))
    return found


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        ({}, range(5)),
        ({"first": 2}, range(2, 5)),
        ({"count": 3}, range(3)),
        ({"first": 3, "count": 99}, range(3, 5)),
        ({"page": 4}, [4]),
        ({"first": 1, "max_frames": 2, "on_limit": "truncate"}, [1, 2]),
        ({"first": 1, "max_frames": 2, "on_limit": "first_frame"}, [1]),
        ({"max_frames": 5}, range(5)),
    ],
)
def test_the_chosen_frames_stay_bit_for_bit(chosen, kept):
    made = apply(animation(ARRAYS), "frames", **chosen)

    for found, index in zip(frames(made), kept, strict=True):
        np.testing.assert_array_equal(found, ARRAYS[index])


def test_they_keep_their_own_delays():
    out = rendered(moving(lossless=True), {"action": "frames", "first": 2, "count": 2, "lossless": True})

    for (shown, delay), index in zip(played(out.file), [2, 3], strict=True):
        assert delay == DELAYS[index]
        np.testing.assert_array_equal(shown, ARRAYS[index])


@pytest.mark.parametrize("form", ["webp", "gif"])
def test_delay_and_loop_are_set(form):
    out = rendered(moving(), {"action": "frames", "delay": 70, "loop": 6, "format": form})

    assert [delay for _, delay in played(out.file)] == [70] * 5
    # GIF counts what follows the first showing.
    assert out.picture.info["loop"] == {"webp": 6, "gif": 5}[form]


@pytest.mark.parametrize("form", ["png", "webp", "tiff"])
def test_a_page_becomes_a_still_in_any_format(form):
    lossless = {"lossless": True} if form == "webp" else {}
    out = rendered(moving(lossless=True), {"action": "frames", "page": 3, "format": form, **lossless})

    assert getattr(out.picture, "n_frames", 1) == 1
    np.testing.assert_array_equal(np.asarray(out.picture.convert("RGB")), ARRAYS[3])


def test_steps_that_follow_get_what_was_chosen():
    out = rendered(
        moving(lossless=True),
        {"id": "some", "action": "frames", "first": 3, "output": False},
        {"id": "turned", "action": "flip", "axis": "vertical", "from": "some", "lossless": True},
        {"id": "first", "action": "flip", "axis": "vertical", "format": "png"},
    )

    for (shown, delay), index in zip(played(out.files["turned"]), [3, 4], strict=True):
        assert delay == DELAYS[index]
        np.testing.assert_array_equal(shown, ARRAYS[index][::-1])
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(out.files["first"]))), ARRAYS[0][::-1])


def test_too_many_frames_are_refused():
    with pytest.raises(ImageError, match="5 frames are more than max_frames allows: 4") as refused:
        rendered(moving(), {"action": "frames", "max_frames": 4})

    assert (refused.value.code, refused.value.step) == ("limit", "s1")


@pytest.mark.parametrize("chosen", [{"first": 5}, {"page": 5}, {"first": 60000, "count": 2}])
def test_a_frame_that_is_not_there_is_refused_with_those_that_are(chosen):
    with pytest.raises(ImageError, match=r"there are 5 frames, numbers 0 to 4"):
        rendered(moving(), {"action": "frames", **chosen})


def test_a_still_is_one_frame():
    picture = still(ARRAYS[0])

    np.testing.assert_array_equal(pixels(apply(picture, "frames", page=0, delay=5, loop=2)), pixels(picture))
    with pytest.raises(ImageError, match="there is no frame 1: there is one frame, number 0"):
        apply(picture, "frames", first=1)


@pytest.mark.parametrize("limit", ["error", "truncate", "first_frame"])
@pytest.mark.parametrize("most", [5, 6, 65535])
def test_a_limit_that_is_met_changes_nothing(limit, most):
    made = apply(animation(ARRAYS), "frames", max_frames=most, on_limit=limit)

    np.testing.assert_array_equal(pixels(made), np.concatenate(ARRAYS))


@pytest.mark.parametrize(
    ("limit", "kept"), [("truncate", [0, 1, 2]), ("first_frame", [0])], ids=["truncate", "first_frame"]
)
def test_a_limit_that_is_passed_is_told_in_the_file(limit, kept):
    step = {"action": "frames", "max_frames": 3, "on_limit": limit, "lossless": True}

    out = rendered(moving(lossless=True), step)

    assert getattr(out.picture, "n_frames", 1) == len(kept)
    for (shown, *_), index in zip(played_or_still(out.file), kept, strict=True):
        np.testing.assert_array_equal(shown, ARRAYS[index])


def played_or_still(content):
    picture = Image.open(BytesIO(content))
    return played(content) if getattr(picture, "n_frames", 1) > 1 else [(np.asarray(picture.convert("RGB")),)]


def test_the_limit_counts_what_was_chosen():
    made = apply(animation(ARRAYS), "frames", first=1, count=2, max_frames=2)

    assert len(frames(made)) == 2


@pytest.mark.parametrize("wrong", [{"count": 0}, {"max_frames": 0}, {"first": -1}, {"page": -1}])
def test_no_frame_at_all_is_refused_in_time(wrong):
    with pytest.raises(InvalidRequest) as refused:
        parse([{"id": "a", "action": "frames", **wrong}])

    assert refused.value.problems[0].field in wrong


def test_a_gif_without_any_frame_is_damaged():
    header = encoded(Image.new("P", (8, 8)), "GIF")
    empty = header[: header.index(b",")] + b";"

    with pytest.raises(ImageError) as failed:
        rendered(empty, {"action": "frames"})

    assert failed.value.code == "corrupt"
