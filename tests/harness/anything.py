"""Random pipelines: every operation with any parameters that its schema allows, and steps in any shape."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from hypothesis import reject
from hypothesis import strategies as some
from pydantic import ValidationError

from pixelflow.domain.errors import InvalidRequest
from pixelflow.domain.installed import writable
from pixelflow.operations.base import Operation
from pixelflow.operations.encoding import Encoding
from pixelflow.operations.pipeline import parse
from pixelflow.operations.registry import operations

ASSET = "mark"
"""The asset that steps may refer to."""
SMALL = 40
"""Most numbers are no more than this above the least, so that most pictures stay small."""
TRIES = 10
"""Parameters that contradict each other are drawn again so often."""
COLORS = ("white", "black", "transparent", "#f008", "#123456", "#7f7f7f", "orange")
OPTIONS = (
    {},
    {"quality": 30},
    {"lossless": True},
    {"bit_depth": 16},
    {"bit_depth": 8},
    {"progressive": True},
)

Schema = Mapping[str, Any]


@some.composite
def pipelines(draw: some.DrawFn, most_steps: int = 3) -> list[dict[str, Any]]:
    """Steps as a caller sends them, which pass the check."""
    steps: list[dict[str, Any]] = []
    models = sorted(operations().values(), key=lambda each: each.action)
    for number in range(1, draw(some.integers(1, most_steps)) + 1):
        steps.append(_step(draw, draw(some.sampled_from(models)), f"s{number}", steps))
    if not any(step.get("output", True) for step in steps):
        del steps[-1]["output"]
    try:
        parse(steps)
    except InvalidRequest:
        reject()
    return steps


def _step(
    draw: some.DrawFn, model: type[Operation], name: str, before: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    images = [step["id"] for step in before if operations()[step["action"]].produces == "image"]
    references = (ASSET, "source", *(f"step:{each}" for each in images))
    step = {"id": name, "action": model.action, **draw(_parameters(model, references))}
    if model.produces == "image":
        step |= {"format": draw(some.sampled_from(("same", *writable())))}
        options = draw(some.sampled_from(OPTIONS))
        if (
            _accepted({"format": step["format"], **options})
            and not options.keys() & model.model_fields.keys()
        ):
            step |= options
    if images and draw(some.booleans()):
        step["from"] = draw(some.sampled_from(images))
    if draw(some.integers(0, 4)) == 0:
        step["output"] = False
    if draw(some.integers(0, 4)) == 0:
        step["on_error"] = "skip"
    return step


def _accepted(options: Mapping[str, Any]) -> bool:
    try:
        Encoding.model_validate(options)
    except ValidationError:
        return False
    return True


@cache
def _parameters(model: type[Operation], references: tuple[str, ...]) -> some.SearchStrategy[dict[str, Any]]:
    schema = model.model_json_schema()
    fields = {
        name: _any(each, schema.get("$defs", {}), references)
        for name, each in schema.get("properties", {}).items()
    }
    required = {name: fields[name] for name in schema.get("required", ())}
    optional = {name: each for name, each in fields.items() if name not in required}
    return _consistent(model, some.fixed_dictionaries(required, optional=optional))


@some.composite
def _consistent(
    draw: some.DrawFn, model: type[Operation], drawn: some.SearchStrategy[dict[str, Any]]
) -> dict[str, Any]:
    for _ in range(TRIES):
        found = draw(drawn)
        # An optional parameter is left out more often than not: most contradict some other one.
        found = {name: value for name, value in found.items() if value is not None}
        try:
            model.model_validate(found)
        except ValidationError:
            continue
        return found
    return reject()


def _any(schema: Schema, shared: Schema, references: Sequence[str]) -> some.SearchStrategy[Any]:
    """Values of a schema, of the kinds that operations use."""
    if "$ref" in schema:
        return _any(shared[schema["$ref"].rsplit("/", 1)[1]], shared, references)
    if "anyOf" in schema:
        return some.one_of(*(_any(each, shared, references) for each in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return some.sampled_from(schema.get("enum", [schema.get("const")]))
    return _KINDS[schema["type"]](schema, shared, references)


def _text(schema: Schema, _: Schema, references: Sequence[str]) -> some.SearchStrategy[str]:
    examples = schema.get("examples", ())
    if schema.get("format") == "color":
        return some.sampled_from((*COLORS, *(word for word in examples if word in {"auto", "blur"})))
    if any(str(each).startswith("ast_") for each in examples):
        return some.sampled_from(references)
    if any(str(each).endswith("%") for each in examples):
        return some.integers(1, 200).map(lambda percent: f"{percent}%")
    if any(":" in str(each) for each in examples):
        return some.sampled_from(("16:9", "1:3", "1.91:1"))
    if "pattern" in schema:
        return some.from_regex(schema["pattern"], fullmatch=True).filter(str.isascii)
    return some.text("ab Äg.\n", min_size=schema.get("minLength", 0), max_size=12)


def _whole(schema: Schema, *_: Any) -> some.SearchStrategy[int]:
    least, most = schema.get("minimum", 0), schema.get("maximum", 1000)
    near = some.integers(max(least, -SMALL), min(most, max(least, 0) + SMALL))
    return some.one_of(near, near, near, some.integers(least, most))


def _number(schema: Schema, *_: Any) -> some.SearchStrategy[float]:
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    most = min(schema.get("maximum", 1000), max(least, 0) + 2 * SMALL)
    return some.floats(least, most, exclude_min="exclusiveMinimum" in schema, allow_subnormal=False).map(
        lambda value: round(value, 3) if round(value, 3) > least else value
    )


def _list(schema: Schema, shared: Schema, references: Sequence[str]) -> some.SearchStrategy[list[Any]]:
    inner = schema["items"]
    entries = _any(inner, shared, references)
    if inner.get("type") == "array":  # a matrix has rows of one length, an odd number of them
        numbers = _any(inner["items"], shared, references)
        return some.sampled_from((1, 3)).flatmap(
            lambda side: some.lists(
                some.lists(numbers, min_size=side, max_size=side), min_size=side, max_size=side
            )
        )
    return some.lists(entries, min_size=schema.get("minItems", 0), max_size=min(schema.get("maxItems", 3), 3))


def _object(schema: Schema, shared: Schema, references: Sequence[str]) -> some.SearchStrategy[dict[str, Any]]:
    if "propertyNames" in schema:
        names = _any({"type": "string", **schema["propertyNames"]}, shared, references)
        return some.dictionaries(names, _any(schema["additionalProperties"], shared, references), max_size=2)
    fields = {name: _any(each, shared, references) for name, each in schema["properties"].items()}
    required = {name: each for name, each in fields.items() if name in schema.get("required", ())}
    rest = {name: each for name, each in fields.items() if name not in required}
    return some.fixed_dictionaries(required, optional=rest)


_KINDS = {
    "string": _text,
    "integer": _whole,
    "number": _number,
    "array": _list,
    "object": _object,
    "boolean": lambda *_: some.booleans(),
    "null": lambda *_: some.none(),
}
