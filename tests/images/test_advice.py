"""What a plan warns of, and what it does not."""

from dataclasses import replace
from typing import Any

import pytest

from pixelflow.domain.limits import ImageLimits
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
