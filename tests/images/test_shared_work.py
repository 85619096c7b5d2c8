"""Steps that ask for the same get it from one piece of work; steps that refer to another wait for it."""

import io

import numpy as np
import pytest
from PIL import Image

from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError
from pixelflow.imaging.plan import planned

PHOTO = photo(240, 160)
PNG = encoded(PHOTO, "PNG")
SMALL = {"action": "thumbnail", "width": 60, "format": "png"}
CUT = {"action": "crop", "width": 10, "height": 10, "format": "png"}


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def tree(works):
    return {tuple(step.id for step in work.steps): tree(work.takers) for work in works}


def test_a_common_beginning_is_one_piece_of_work():
    steps = [
        {"id": "a", "action": "thumbnail", "width": 60},
        {"id": "b", "action": "thumbnail", "width": 60, "height": None, "format": "webp"},
        {"id": "c", "action": "thumbnail", "width": 61},
        {"id": "grey-a", "action": "grayscale", "from": "a"},
        {"id": "grey-b", "action": "grayscale", "from": "b", "quality": 10, "format": "jpeg"},
        {"id": "sepia-b", "action": "sepia", "from": "b"},
    ]

    _, works = planned([{key: value for key, value in step.items() if value is not None} for step in steps])

    assert tree(works) == {("a", "b"): {("grey-a", "grey-b"): {}, ("sepia-b",): {}}, ("c",): {}}


def test_each_step_of_a_shared_piece_of_work_is_written_its_own_way():
    out = rendered(
        PNG,
        {"id": "a", **SMALL},
        {"id": "b", **SMALL, "format": "webp", "lossless": True},
        {"id": "c", "action": "invert", "from": "b", "format": "png"},
    )

    small = pixels(out.files["a"])
    assert Image.open(io.BytesIO(out.files["b"])).format == "WEBP"
    assert np.array_equal(pixels(out.files["b"]), small)
    assert np.array_equal(pixels(out.files["c"]), 255 - small)
    assert [made.step for made in out.finished.made] == ["a", "b", "c"]


def test_shared_work_that_fails_ends_the_job_if_one_of_its_steps_must_not():
    beyond = {**CUT, "x": 5000, "y": 0}
    good = {"id": "good", **SMALL}

    with pytest.raises(ImageError) as found:
        rendered(PNG, {"id": "may", **beyond, "on_error": "skip"}, {"id": "must", **beyond}, good)

    assert found.value.step == "must"
    out = rendered(PNG, *({"id": name, **beyond, "on_error": "skip"} for name in "ab"), good)
    assert ({one.step for one in out.finished.skipped}, set(out.files)) == ({"a", "b"}, {"good"})


def test_one_output_of_shared_work_may_be_too_large_without_the_other():
    out = rendered(
        encoded(photo(600, 400), "PNG"),
        {"id": "large", **SMALL, "width": 500, "on_error": "skip"},
        {"id": "fits", **SMALL, "width": 500, "format": "jpeg"},
        {"id": "after", "action": "grayscale", "from": "large", "format": "jpeg"},
        max_output_bytes=60_000,
    )

    assert set(out.files) == {"fits"}
    assert [(one.step, one.code) for one in out.finished.skipped] == [("large", "limit"), ("after", "limit")]


MARK = {"action": "watermark", "scale": 0.25, "gravity": "north_west", "format": "png"}


@pytest.mark.parametrize("order", [("logo", "marked"), ("marked", "logo")])
def test_a_step_refers_to_another_whichever_comes_first(order):
    steps = {
        "logo": {"id": "logo", **CUT, "x": 100, "y": 50, "output": False},
        "marked": {"id": "marked", **MARK, "image": "step:logo", "width": 10},
    }
    steps["marked"].pop("scale")

    out = rendered(PNG, *(steps[name] for name in order))

    found = pixels(out.file)
    assert np.array_equal(found[:10, :10], np.asarray(PHOTO)[50:60, 100:110])
    assert np.array_equal(found[10:], np.asarray(PHOTO)[10:])


def test_a_chain_of_references_is_followed_to_its_end():
    out = rendered(
        PNG,
        {"id": "third", **MARK, "image": "step:second"},
        {"id": "second", **MARK, "image": "step:first", "from": "small", "output": False},
        {"id": "small", **SMALL, "output": False},
        {"id": "first", "action": "invert", "from": "small", "output": False},
    )

    small = pixels(rendered(PNG, SMALL).file)
    tiny = Image.fromarray(255 - small).resize((15, 10), Image.Resampling.LANCZOS)
    assert np.abs(pixels(out.file)[:10, :15].astype(int) - np.asarray(tiny)).max() <= 3


def test_the_source_itself_may_be_laid_over():
    out = rendered(
        PNG,
        {"id": "grey", "action": "grayscale", "output": False},
        {"id": "inset", "from": "grey", **MARK, "image": "source"},
    )

    found, small = pixels(out.file), PHOTO.resize((60, 40), Image.Resampling.LANCZOS)
    assert np.abs(found[:40, :60].astype(int) - np.asarray(small)).max() <= 3
    assert np.array_equal(found[40:, :, 0], found[40:, :, 2])


def test_what_refers_to_a_skipped_step_is_skipped_with_it():
    out = rendered(
        PNG,
        {"id": "bad", **CUT, "x": 5000, "y": 0, "on_error": "skip"},
        {"id": "marked", **MARK, "image": "step:bad"},
        {"id": "good", **SMALL},
    )

    assert set(out.files) == {"good"}
    assert [one.step for one in out.finished.skipped] == ["bad", "marked"]
    assert out.progress[-1] == 100
