"""Pipelines: what is taken, in which order, and every reason for which one is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelflow.domain.errors import InvalidRequest
from pixelflow.operations.pipeline import parse


def thumb(name="a", **more):
    return {"id": name, "action": "thumbnail", "width": 10, **more}


def refused(raw):
    with pytest.raises(InvalidRequest) as error:
        parse(raw)
    return error.value.problems


def test_steps_keep_their_order_and_their_options():
    pipeline = parse(
        [thumb("a", format="webp", quality=70), thumb("b", output=False), thumb("c", on_error="skip")]
    )

    assert [step.id for step in pipeline.steps] == ["a", "b", "c"]
    assert [step.id for step in pipeline.outputs] == ["a", "c"]
    assert (pipeline.steps[0].encoding.format, pipeline.steps[0].encoding.quality) == ("webp", 70)
    assert pipeline.steps[2].on_error == "skip"


def test_a_step_comes_after_the_one_it_takes_its_image_from():
    pipeline = parse([thumb("c", **{"from": "b"}), thumb("b", **{"from": "a"}), thumb("a")])

    assert [step.id for step in pipeline.steps] == ["a", "b", "c"]
    assert [step.source for step in pipeline.steps] == [None, "a", "b"]
    assert [step.id for step in pipeline.outputs] == ["c", "b", "a"]


def test_assets_are_collected():
    assert parse([thumb(), {"id": "w", "action": "watermark", "image": "ast_7"}]).needs == {"ast_7"}
    assert parse([thumb()]).needs == frozenset()


@pytest.mark.parametrize("raw", [None, {}, "resize", 5, [], [thumb()] * 21])
def test_a_pipeline_is_a_list_of_one_to_twenty_steps(raw):
    (problem,) = refused(raw)

    assert problem.field == "pipeline"
    assert problem.allowed == "a list of 1 to 20 steps"


@pytest.mark.parametrize("item", [None, "resize", 5, [], [thumb()]])
def test_a_step_is_an_object(item):
    (problem,) = refused([thumb(), item])

    assert problem.field == "pipeline[1]"


@pytest.mark.parametrize("name", ["", "a b", "-a", "a/b", "ä", "x" * 65, 5, None, True, ["a"], "../a", "a\n"])
def test_an_id_is_a_short_plain_word(name):
    (problem,) = refused([thumb(name)])

    assert problem.field == "id"


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"action": "thumbnail", "width": 10}, "id"),
        ({"id": "a", "width": 10}, "action"),
        ({"id": "a", "action": 5}, "action"),
        ({"id": "a", "action": "explode"}, "action"),
        (thumb(output="yes"), "output"),
        (thumb(on_error="ignore"), "on_error"),
        (thumb(**{"from": 5}), "from"),
        (thumb(format="bmp"), "format"),
        (thumb(format="png", quality=5), "quality"),
        (thumb(quality=101), "quality"),
        ({"id": "a", "action": "info", "format": "png"}, "format"),
    ],
)
def test_what_every_step_has_is_checked(broken, field):
    (problem,) = refused([broken])

    assert problem.field == field
    assert problem.allowed


@pytest.mark.parametrize(
    ("wrong", "right"), [("thumbnial", "thumbnail"), ("Resize", "resize"), ("grayscal", "grayscale")]
)
def test_a_misspelt_action_gets_the_nearest_one(wrong, right):
    (problem,) = refused([{"id": "a", "action": wrong}])

    assert f"did you mean '{right}'?" in problem.message
    assert right in problem.allowed.split(", ")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("widht", "width"), ("Width", "width"), ("qualty", "quality"), ("frm", "from"), ("form", "format")],
)
def test_a_misspelt_key_gets_the_nearest_one(wrong, right):
    (problem,) = refused([{**thumb(), wrong: 5}])

    assert problem.field == wrong
    assert f"there is no parameter '{wrong}' here; did you mean '{right}'?" in problem.message


def test_all_problems_are_told_at_once():
    problems = refused(
        [
            {"id": "a", "action": "resize", "width": 0, "fit": "huge"},
            {"id": "b", "action": "blur", "sigma": 999},
        ]
    )

    assert [(problem.step, problem.field) for problem in problems] == [
        ("a", "width"),
        ("a", "fit"),
        ("b", "sigma"),
    ]
    assert (
        problems[0].message
        == "step 'a': width cannot be 0; allowed is 1–65535 or a percentage such as \"50%\""
    )
    assert problems[2].allowed == "0.3–250"


def test_two_steps_of_one_name_are_refused():
    (problem,) = refused([thumb("a"), thumb("a")])

    assert (problem.field, problem.value) == ("id", "a")


def test_a_dangling_from_names_the_steps_there_are():
    (problem,) = refused([thumb("a"), thumb("b", **{"from": "z"})])

    assert (problem.step, problem.field, problem.value, problem.allowed) == ("b", "from", "z", "a")


def test_json_is_no_image_to_go_on_from():
    (problem,) = refused([{"id": "i", "action": "info"}, thumb("t", **{"from": "i"})])

    assert "makes no image" in problem.message


@pytest.mark.parametrize(
    "links",
    [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "c", "b": "a", "c": "b"}, {"a": None, "b": "c", "c": "b"}],
)
def test_a_circle_is_drawn(links):
    (problem,) = refused([thumb(name, **{"from": source}) for name, source in links.items()])

    assert problem.field == "from"
    assert "→" in problem.value


def test_at_least_one_output_is_kept():
    (problem,) = refused([thumb("a", output=False)])

    assert problem.field == "output"


def test_long_and_odd_values_are_shown_short_and_printable():
    for value in ("x" * 10_000, ["y"] * 10_000, {"z": "\x1b[31m" * 500}, "\ud800", 10**400, float("nan")):
        (problem,) = refused([thumb("a", height=value)])
        assert len(problem.message) < 400
        json.dumps(problem.value, allow_nan=False).encode()
        problem.message.encode()


def test_no_end_of_problems_is_cut():
    assert len(refused([{**thumb(), **{f"key{number}": 1 for number in range(1000)}}])) == 50


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["id", "action", "from", "width", "height", "fit", "gravity", "output", "format", "quality", "x", "text"]
)
ACTIONS = st.sampled_from(["resize", "crop", "text", "pad", "watermark", "metadata", "info", "flip"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(KEYS, JSON, max_size=6) | JSON, max_size=4), ACTIONS)
def test_any_json_is_a_pipeline_or_a_list_of_problems(raw, action):
    for item in raw:
        if isinstance(item, dict) and len(item) % 2:
            item["action"] = action
    try:
        told = bool(parse(raw).steps)
    except InvalidRequest as error:
        told = all(problem.message for problem in error.problems)
    assert told


def mark(name, image, **more):
    return {"id": name, "action": "watermark", "image": image, **more}


def test_a_step_comes_after_those_that_it_refers_to():
    pipeline = parse([mark("w", "step:logo"), thumb("logo", output=False)])

    assert [step.id for step in pipeline.steps] == ["logo", "w"]
    assert pipeline.steps[1].refers == {"logo"}
    assert [step.id for step in pipeline.outputs] == ["w"]


def test_only_files_of_their_own_are_handed_in():
    steps = [mark("a", "ast_7"), mark("b", "job:0190-12"), mark("c", "source"), mark("d", "step:a")]

    assert parse(steps).needs == {"ast_7", "job:0190-12"}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([mark("w", "step:nobody"), thumb("a")], "there is no step 'nobody'"),
        ([mark("w", "step:facts"), {"id": "facts", "action": "info"}], "step 'facts' makes no image"),
        ([mark("w", "step:w")], "round in a circle"),
        ([mark("w", "step:t"), thumb("t", **{"from": "w"})], "round in a circle"),
    ],
)
def test_a_reference_leads_to_an_image_that_can_be_made_first(steps, said):
    assert said in refused(steps)[0].message
