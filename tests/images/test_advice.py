"""What a plan warns of, and what it does not."""

from dataclasses import replace
from typing import Any

import pytest

from pixelflow.domain.errors import ImageError
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging.limits import check_picture, largest
from pixelflow.imaging.prediction import Origin, Prediction, predict
from pixelflow.operations.outline import exactly
from pixelflow.operations.pipeline import parse

PHOTO = Origin(exactly(4000, 3000), "jpeg")
SMALL = Origin(exactly(200, 100), "png")
LOGO = Origin(replace(exactly(200, 100), alpha=True), "png")
MOVING = Origin(replace(exactly(200, 100), alpha=True, frames=10), "gif")
DEEP = Origin(replace(exactly(200, 100), depth=16), "png")


def planned(origin: Origin, *steps: dict[str, Any], **limits: Any) -> Prediction:
    named = [{"id": f"s{number}", **step} for number, step in enumerate(steps, 1)]
    return predict(parse(named), origin, ImageLimits(**limits))


def codes(origin: Origin, *steps: dict[str, Any], **limits: Any) -> list[tuple[str, str | None]]:
    return [(each.code, each.step) for each in planned(origin, *steps, **limits).warnings]


def flip(**options: Any) -> dict[str, Any]:
    return {"action": "flip", "axis": "both", **options}


@pytest.mark.parametrize(
    ("origin", "step", "code"),
    [
        (LOGO, flip(format="jpeg"), "alpha_lost"),
        (PHOTO, {"action": "round_corners", "radius": "max"}, "alpha_lost"),
        (SMALL, {"action": "resize", "width": 600, "enlarge": True}, "enlarged"),
        (SMALL, {"action": "zoom", "y": 3}, "enlarged"),
        (SMALL, {"action": "resize", "width": 200, "dpr": 2, "enlarge": True}, "enlarged_by_dpr"),
        (SMALL, {"action": "resize", "width": 300}, "not_enlarged"),
        (MOVING, flip(format="png"), "animation_cut"),
        (MOVING, flip(format="jpeg"), "animation_cut"),
        (SMALL, {"action": "trim"}, "size_unknown"),
        (DEEP, flip(format="webp"), "depth_cut"),
        (DEEP, flip(format="avif"), "depth_cut"),
        (DEEP, flip(bit_depth=8), "depth_cut"),
        (SMALL, {"action": "crop", "x": 150, "width": 51}, "cannot_be_done"),
        (SMALL, {"action": "crop", "width": 201, "height": 50}, "crop_cut"),
        (SMALL, {"action": "frames", "first": 1}, "cannot_be_done"),
        (SMALL, {"action": "zoom", "x": 200, "y": 0.1}, "over_limit"),
        (SMALL, {"action": "extend", "width": 16384, "format": "webp"}, "cannot_be_done"),
    ],
)
def test_what_may_not_be_wanted_is_told(origin: Origin, step: dict[str, Any], code: str) -> None:
    found = planned(origin, step).warnings

    assert code in [each.code for each in found]
    for each in found:
        assert each.step == "s1"
        assert len(each.message) > 20
        assert len(each.fix) > 10


@pytest.mark.parametrize(
    ("origin", "step"),
    [
        (PHOTO, {"action": "resize", "width": 800, "format": "webp"}),
        (SMALL, {"action": "resize", "width": 590, "enlarge": True}),
        (SMALL, {"action": "resize", "width": 200, "height": 300}),
        (LOGO, flip(format="webp")),
        (LOGO, {"action": "background", "format": "jpeg"}),
        (MOVING, flip(format="webp")),
        (MOVING, {"action": "frames", "page": 3, "format": "jpeg", "quality": 70}),
        (DEEP, flip(format="tiff")),
        (DEEP, flip(format="avif", bit_depth=10)),
        (SMALL, {"action": "crop", "x": 150, "width": 50}),
        (SMALL, {"action": "info"}),
    ],
)
def test_nothing_is_said_of_what_is_well(origin: Origin, step: dict[str, Any]) -> None:
    found = [code for code, _ in codes(origin, step) if (origin, code) != (MOVING, "alpha_lost")]

    assert found == []


def test_a_step_that_nobody_uses_is_told() -> None:
    used = {"action": "resize", "width": 90, "output": False}
    assert codes(PHOTO, used, flip(**{"from": "s1"})) == []
    assert codes(PHOTO, used, {"action": "watermark", "image": "step:s1"}) == []
    assert codes(PHOTO, used, flip()) == [("unused_step", "s1")]


def test_a_source_over_a_limit_is_told_once_for_all() -> None:
    assert codes(PHOTO, flip(), max_image_area=11_000_000) == [("over_limit", None), ("over_limit", "s1")]
    assert codes(MOVING, flip(), max_image_frames=9)[0] == ("over_limit", None)
    assert codes(replace(PHOTO, bytes=2_000), flip(), max_input_bytes=1_999) == [("over_limit", None)]


@pytest.mark.parametrize(
    ("origin", "step", "limits", "words"),
    [
        (
            SMALL,
            {"action": "zoom", "x": 200, "y": 0.1},
            {},
            "the result at most 16,384 × 4 pixels, 0.409 times",
        ),
        (
            PHOTO,
            {"action": "zoom", "x": 3, "y": 3},
            {},
            "at most 8,164 × 6,123 pixels, 0.68 times its sides",
        ),
        (
            MOVING,
            flip(),
            {"max_image_frames_area": 50_000},
            "at most 100 × 50 pixels, 0.5 times its sides, or",
        ),
        (MOVING, flip(), {"max_image_frames": 9}, "at most 9 frames, as a frames step chooses them"),
        (PHOTO, flip(), {"max_image_area": 3_000_000}, "send a picture of at most 2,000 × 1,500 pixels"),
    ],
)
def test_what_is_over_a_limit_is_told_how_much_is_not(
    origin: Origin, step: dict[str, Any], limits: dict[str, Any], words: str
) -> None:
    found = [each for each in planned(origin, step, **limits).warnings if each.code == "over_limit"]

    assert any(words in each.fix for each in found), found


@pytest.mark.parametrize("sides", [(16_400, 4), (1, 900_000), (30_000, 20_000), (12_345, 9_876)])
@pytest.mark.parametrize("frames", [1, 7, 200])
def test_the_largest_that_is_told_passes_and_no_larger_one(sides: tuple[int, int], frames: int) -> None:
    limits = ImageLimits()
    width, height = largest(*sides, limits, frames=frames)

    check_picture(width, height, limits, frames=frames)
    grown = width + max(1, round(sides[0] / max(sides))), height + max(1, round(sides[1] / max(sides)))
    with pytest.raises(ImageError):
        check_picture(*grown, limits, frames=frames)


def test_a_file_or_memory_over_a_limit_is_told_to_what_the_sides_shrink() -> None:
    (large,) = planned(PHOTO, flip(format="png"), max_output_bytes=5_000_000).warnings
    assert large.code == "over_output"
    assert "times its sides, or write a lossy format" in large.fix

    hungry = planned(PHOTO, flip(format="avif"), max_memory_bytes=512 << 20).warnings
    (fix,) = [each.fix for each in hungry if each.code == "over_memory"]
    by = float(fix.partition("to some ")[2].split()[0])
    smaller = Origin(exactly(int(4000 * by), int(3000 * by)), "jpeg")
    again = planned(smaller, flip(format="avif"), max_memory_bytes=512 << 20).warnings
    assert "over_memory" not in [each.code for each in again]


def test_what_follows_from_a_step_that_fails_has_no_size() -> None:
    plan = planned(
        SMALL,
        {"action": "crop", "x": 300, "width": 5, "on_error": "skip"},
        {"action": "border", "width": 5, "from": "s1"},
        {"action": "border", "width": 5},
    )

    assert [(each.code, each.step) for each in plan.warnings] == [("cannot_be_done", "s1")]
    assert "will be left out" in plan.warnings[0].message
    assert [(each.width, each.height) for each in plan.outputs] == [(None, None), (None, None), (210, 110)]


def test_a_size_that_is_not_known_is_known_again_after_a_step_that_fixes_it() -> None:
    plan = planned(
        SMALL,
        {"action": "trim"},
        {"action": "resize", "width": 50, "height": 40, "fit": "fill", "enlarge": True, "from": "s1"},
    )

    assert [(each.width, each.height) for each in plan.outputs] == [(None, None), (50, 40)]
