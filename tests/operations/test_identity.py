"""When two steps are the same, and what is left to do when some outputs are there."""

from typing import Any, ClassVar

import pytest

from pixelflow.operations.base import Context, Operation
from pixelflow.operations.encoding import Encoding
from pixelflow.operations.identity import identities
from pixelflow.operations.pipeline import Step, parse

THUMB = {"id": "thumb", "action": "resize", "width": 90, "format": "webp"}
GREY = {"id": "grey", "action": "grayscale", "output": False}


def digest(*steps: dict[str, Any]) -> bytes:
    """The last step's."""
    return parse(list(steps)).identities[steps[-1]["id"]].digest


@pytest.mark.parametrize(
    "steps",
    [
        [{**THUMB, "id": "other"}],
        [{**THUMB, "fit": "inside", "on_error": "skip"}],
        [{"id": "blurred", "action": "blur"}, THUMB],
        [THUMB, {**THUMB, "id": "again"}],
    ],
    ids=["another id", "a default", "a neighbour", "twice"],
)
def test_the_same(steps: list[dict[str, Any]]) -> None:
    assert digest(*steps) == digest(THUMB)


@pytest.mark.parametrize(
    "steps",
    [
        [{**THUMB, "width": 91}],
        [{**THUMB, "format": "png"}],
        [{**THUMB, "quality": 80}],
        [{**THUMB, "action": "thumbnail"}],
        [GREY, {**THUMB, "from": "grey"}],
    ],
    ids=["a parameter", "the format", "an encoding option", "the operation", "the picture"],
)
def test_not_the_same(steps: list[dict[str, Any]]) -> None:
    assert digest(*steps) != digest(THUMB)


def test_how_a_step_on_the_way_is_written_does_not_matter_what_it_does_does() -> None:
    last = {**THUMB, "from": "grey"}
    assert digest(GREY, last) == digest({**GREY, "output": True, "format": "png"}, last)
    assert digest(GREY, last) != digest({"id": "grey", "action": "sepia"}, last)


def test_a_step_that_is_referred_to_counts_by_what_it_does() -> None:
    marked = {"id": "w", "action": "watermark", "image": "step:grey"}
    assert digest(GREY, marked) == digest({**GREY, "output": True}, marked)
    assert digest(GREY, marked) != digest({"id": "grey", "action": "invert"}, marked)


def test_other_jobs_pictures_are_named_by_all_that_follows() -> None:
    marked = {"id": "w", "action": "watermark", "image": "job:01994d3c"}
    found = parse([marked, {**THUMB, "from": "w"}, {**THUMB, "id": "plain"}]).identities
    assert [found[step].jobs for step in ("w", "thumb", "plain")] == [("01994d3c",), ("01994d3c",), ()]


class Dice(Operation):
    """Never the same."""

    action: ClassVar[str] = "dice"
    family: ClassVar[str] = "test"
    cacheable: ClassVar[bool] = False

    def apply(self, image: Any, context: Context) -> Any:
        return image


def test_what_follows_from_an_operation_that_is_not_cacheable_is_not_either() -> None:
    (plain,) = parse([THUMB]).steps
    thrown = Step("thrown", Dice(), Encoding())
    after = Step("after", plain.operation, plain.encoding, source="thrown")
    found = identities([plain, thrown, after])
    assert {step: identity.cacheable for step, identity in found.items()} == {
        "thumb": True,
        "thrown": False,
        "after": False,
    }


def test_what_leads_to_an_output_is_left_with_no_other_kept() -> None:
    pipeline = parse(
        [
            {**THUMB, "from": "soft"},
            {"id": "soft", "action": "blur"},
            {"id": "w", "action": "watermark", "image": "step:grey"},
            GREY,
        ]
    )
    left = pipeline.leading_to(["thumb"])
    assert left == [{**THUMB, "from": "soft"}, {"id": "soft", "action": "blur", "output": False}]
    assert [step["id"] for step in pipeline.leading_to(["w"])] == ["w", "grey"]
    for wanted in (["thumb"], ["w"], ["soft", "w"]):
        assert {step.id for step in parse(pipeline.leading_to(wanted)).outputs} == set(wanted)
