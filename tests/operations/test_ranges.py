"""What each schema says is allowed is what is enforced, and what a refusal says: for all there is."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from pixelflow.domain.errors import InvalidRequest, Problem
from pixelflow.operations.encoding import Encoding
from pixelflow.operations.pipeline import parse
from pixelflow.operations.registry import operations

Schema = dict[str, Any]
SAMPLES: dict[str, Any] = {"boolean": True, "string": "no such thing", "array": [[]], "object": {"no": 1}}
"""A value of each JSON type, as wrong as it can be; numbers come from the bounds."""


def branches(schema: Schema, shared: Schema) -> Iterator[Schema]:
    """The alternatives that a value has, but for null, which is left out rather than sent."""
    if "$ref" in schema:
        schema = shared[schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from branches(one, shared)
    elif schema.get("type") != "null":
        yield schema


def past(branch: Schema) -> Iterator[float]:
    """Numbers just below and just above."""
    step = 1 if branch["type"] == "integer" else 0.001
    for key, sign in (("minimum", -1), ("maximum", 1)):
        if key in branch:
            yield branch[key] + sign * step
    if "exclusiveMinimum" in branch:
        yield branch["exclusiveMinimum"]
    if "exclusiveMaximum" in branch:
        yield branch["exclusiveMaximum"]


def wrong(schema: Schema, shared: Schema) -> Iterator[Any]:
    """Values outside all alternatives."""
    known = list(branches(schema, shared))
    kinds = {branch.get("type", "string") for branch in known}
    yield from (value for kind, value in SAMPLES.items() if kind not in kinds)
    if "string" in kinds and not any(free(branch) for branch in known):
        yield SAMPLES["string"]
    numeric = [branch for branch in known if branch.get("type") in {"integer", "number"}]
    for branch in numeric:
        yield from past(branch)
    if not numeric:
        yield 7
    elif "number" not in kinds:
        yield numeric[0].get("minimum", 0) + 0.5


def free(branch: Schema) -> bool:
    """Whether any text will do."""
    return branch.get("type") == "string" and not branch.keys() & {"enum", "const", "pattern", "format"}


def parameters() -> Iterator[tuple[str, str, Schema, Schema]]:
    for action, model in operations().items():
        schema = model.model_json_schema()
        for name, one in schema.get("properties", {}).items():
            yield action, name, one, schema.get("$defs", {})
    schema = Encoding.model_json_schema()
    for name, one in schema["properties"].items():
        yield "grayscale", name, one, schema.get("$defs", {})


PARAMETERS = list(parameters())
WRONG = [(a, n, value) for a, n, one, shared in PARAMETERS for value in wrong(one, shared)]


def refusal(action: str, name: str, value: object) -> Problem:
    """The problem of one parameter, whatever else the step lacks."""
    with pytest.raises(InvalidRequest) as refused:
        parse([{"id": "it", "action": action, name: value}])
    found = [each for each in refused.value.problems if re.split(r"[.[]", each.field)[0] == name]
    assert len(found) == 1, refused.value.problems
    return found[0]


@pytest.mark.parametrize(("action", "name", "value"), WRONG)
def test_a_value_outside_is_refused_with_all_that_is_allowed(action: str, name: str, value: object) -> None:
    problem = refusal(action, name, value)

    assert problem.step == "it"
    assert problem.allowed
    assert problem.message.startswith("step 'it': ")
    assert name in problem.message
    if isinstance(value, int | float) and not isinstance(value, bool):
        assert problem.value == value
        assert str(value) in problem.message


@pytest.mark.parametrize(("action", "name", "schema", "shared"), PARAMETERS)
def test_a_refusal_names_the_ends_of_the_range_and_every_choice(
    action: str, name: str, schema: Schema, shared: Schema
) -> None:
    allowed = refusal(action, name, [[None]]).allowed or ""

    for branch in branches(schema, shared):
        for choice in branch.get("enum", []):
            assert str(choice) in allowed
        if branch.get("type") in {"integer", "number"}:
            for key in ("minimum", "maximum"):
                if key in branch:
                    shown = (f"{branch[key]:g}", str(int(branch[key])))
                    assert any(text in allowed for text in shown), allowed
