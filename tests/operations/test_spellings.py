"""Other tools' words: each is taken, none is ever shown."""

import json

import pytest

from pixelflow.domain.errors import InvalidRequest
from pixelflow.operations.pipeline import parse
from pixelflow.operations.registry import describe, operations
from pixelflow.operations.spellings import ACTIONS, parameters

RENAMED = [
    (action, theirs, ours)
    for action, model in operations().items()
    for theirs, ours in parameters(action).items()
    if ours in model.model_fields and theirs not in model.model_fields
]


def made(**step):
    return parse([{"id": "it", **step}]).steps[0].operation


@pytest.mark.parametrize(("theirs", "ours"), ACTIONS.items())
def test_another_name_of_an_operation_is_that_operation(theirs, ours):
    assert theirs not in operations()
    assert ours in operations()
    with pytest.raises(InvalidRequest) as refused:
        parse([{"id": "it", "action": theirs, "nonsense": 1}])
    assert "nonsense" in {problem.field for problem in refused.value.problems}


@pytest.mark.parametrize(
    ("step", "same"),
    [
        ({"action": "greyscale"}, {"action": "grayscale"}),
        ({"action": "normalise", "lower": 5}, {"action": "normalize", "lower": 5}),
        (
            {"action": "extract", "left": 1, "top": 2, "width": 3, "height": 4},
            {"action": "crop", "x": 1, "y": 2, "width": 3, "height": 4},
        ),
        ({"action": "flatten", "background": "red"}, {"action": "background", "color": "red"}),
        ({"action": "tint", "colour": "red"}, {"action": "tint", "color": "red"}),
        (
            {"action": "resize", "w": 5, "h": 6, "fit": "cover", "position": "right top"},
            {"action": "resize", "width": 5, "height": 6, "fit": "cover", "gravity": "north_east"},
        ),
        ({"action": "modulate", "brightness": 2}, {"action": "adjust", "brightness": 2}),
        ({"action": "pad", "left": 4}, {"action": "pad", "left": 4}),
    ],
)
def test_a_step_of_another_tool_is_the_same_as_ours(step, same):
    assert made(**step) == made(**same)
    assert made(**step).action == same["action"]


@pytest.mark.parametrize(("action", "theirs", "ours"), RENAMED)
def test_a_value_that_is_refused_is_told_under_our_name(action, theirs, ours):
    with pytest.raises(InvalidRequest) as refused:
        parse([{"id": "it", "action": action, theirs: "no such thing"}])

    told = {problem.field for problem in refused.value.problems}
    assert ours in told
    assert theirs not in told


@pytest.mark.parametrize(("action", "theirs", "ours"), RENAMED)
def test_both_names_at_once_contradict_each_other(action, theirs, ours):
    with pytest.raises(InvalidRequest) as refused:
        parse([{"id": "it", "action": action, theirs: 1, ours: 2}])

    assert f"{theirs} is another spelling of {ours}" in refused.value.detail


def test_none_is_shown():
    shown = json.dumps([{**one, "description": ""} for one in describe()])

    for theirs in (*ACTIONS, "colour", "colour_burn", "noea", "stretch"):
        assert f'"{theirs}"' not in shown
    with pytest.raises(InvalidRequest) as refused:
        parse([{"id": "it", "action": "nothing"}])
    (problem,) = refused.value.problems
    assert set(problem.allowed.split(", ")) == set(operations())


def test_a_misspelt_other_name_leads_to_ours():
    with pytest.raises(InvalidRequest, match="did you mean 'grayscale'"):
        parse([{"id": "it", "action": "greyscal"}])
