"""What is wrong with a step, one problem a field, in words that say what would be right."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from pixelflow.domain.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

MAX_PROBLEMS = 50
"""A request with more problems than this is told the first ones."""
_SPELLED_OUT = 4
"""Keys of an object up to which it is said what each of them takes."""
_SHOWN = 100
"""Characters of a refused value that are shown."""


class Contradiction(ValueError):
    """Parameters each allowed but not together; the first one named is where the problem is shown."""

    def __init__(self, message: str, *fields: str) -> None:
        super().__init__(message)
        self.fields = fields


def found(
    model: type[BaseModel], error: ValidationError, values: Mapping[str, Any], step: str, names: Iterable[str]
) -> list[Problem]:
    """Each refused value of a step once; ``names`` are all the keys that the step may have."""
    by_field: dict[str, list[ErrorDetails]] = {}
    for one in error.errors(include_url=False):
        by_field.setdefault(str(one["loc"][0]) if one["loc"] else "", []).append(one)
    problems: list[Problem] = []
    for field, details in by_field.items():
        if isinstance(values.get(field), list | dict) and any(len(each["loc"]) > 1 for each in details):
            problems += _problems_inside(model, field, details, values[field], step)
        else:
            problems.append(_problem(model, field, details, values, step, names))
    return problems


def unknown(kind: str, name: str, names: Iterable[str]) -> str:
    """``there is no … 'widht'``, with the nearest name that there is."""
    near = get_close_matches(name, list(names), n=1)
    return f"there is no {kind} {shown(name)} here" + (f"; did you mean {near[0]!r}?" if near else "")


def shown(value: object) -> str:
    """A value for a sentence: quoted, cut to a line, fit for any encoding."""
    if isinstance(value, str):
        text = repr(value) if value.isprintable() else ascii(value)
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def plain(value: object) -> object:
    """A value for a program: numbers and short strings as they are, the rest as text."""
    if value is None or (isinstance(value, int | float) and abs(value) < 2**53):
        return value
    if isinstance(value, str) and len(value) <= _SHOWN and value.isprintable():
        return value
    return shown(value)


@cache
def _schema(model: type[BaseModel]) -> Mapping[str, Any]:
    return model.model_json_schema()


def allowed(model: type[BaseModel], field: str) -> str:
    """What a field takes, in words: ``1–65535 or a percentage such as "50%"``."""
    schema = _schema(model)
    return _words(schema["properties"][field], schema.get("$defs", {}))


def _problem(
    model: type[BaseModel],
    field: str,
    details: list[ErrorDetails],
    values: Mapping[str, Any],
    step: str,
    names: Iterable[str],
) -> Problem:
    said = f"step {shown(step)}: "
    kind = details[0]["type"]
    causes = [cause for one in details if isinstance(cause := one.get("ctx", {}).get("error"), Exception)]
    if kind == "extra_forbidden":
        message = f"{said}{unknown('parameter', field, names)}"
        return Problem(message, str(plain(field)), step, plain(values[field]), ", ".join(names))
    if not field:
        reason = causes[0] if causes else details[0]["msg"]
        fields = reason.fields if isinstance(reason, Contradiction) else ()
        given = {name: plain(values[name]) for name in fields if name in values}
        return Problem(f"{said}{reason}", fields[0] if fields else "step", step, given or None)
    words = allowed(model, field)
    if kind == "missing":
        return Problem(f"{said}{field} is missing; it is {words}", field, step, None, words)
    message = f"{said}{field} cannot be {shown(values[field])}"
    message += f": {causes[0]}" if causes else ""
    return Problem(f"{message}; allowed is {words}", field, step, plain(values[field]), words)


def _problems_inside(
    model: type[BaseModel], field: str, details: list[ErrorDetails], value: Any, step: str
) -> list[Problem]:
    """What is wrong inside a list or an object, each with its place: ``layers[1].blend``."""
    told: dict[str, Problem] = {}
    for one in details:
        problem = _problem_inside(model, field, one, value, step)
        told.setdefault(problem.field, problem)
        if len(told) == MAX_PROBLEMS:
            break
    # Where one of several kinds is meant, what is wrong within that one says more.
    within = {place[: found.start()] for place in told for found in re.finditer(r"[.[]", place)}
    return [problem for place, problem in told.items() if place not in within]


def _problem_inside(
    model: type[BaseModel], field: str, details: ErrorDetails, value: Any, step: str
) -> Problem:
    schema = _schema(model)
    shared = schema.get("$defs", {})
    here, place = schema["properties"][field], field
    for key in details["loc"][1:]:
        kind = _kind(here, shared, value)
        if isinstance(value, list) and isinstance(key, int):
            here, value, place = kind.get("items", {}), value[key], f"{place}[{key}]"
        elif isinstance(value, dict) and key in kind.get("properties", {}):
            here, value, place = kind["properties"][key], value.get(str(key)), f"{place}.{key}"
        elif isinstance(value, dict) and key in value and isinstance(kind.get("additionalProperties"), dict):
            named = details["loc"][-1] == "[key]"
            here = kind["propertyNames" if named else "additionalProperties"]
            value, place = key if named else value[key], f"{place}.{plain(key)}"
        elif isinstance(value, dict) and key in value and details["type"] == "extra_forbidden":
            known = kind.get("properties", ())
            message = f"step {shown(step)}: {place}: {unknown('parameter', str(key), known)}"
            where = f"{place}.{plain(key)}"
            return Problem(message, where, step, plain(value[key]), ", ".join(known))
    words = _words(here, shared) if here else allowed(model, field)
    if details["type"] == "missing":
        return Problem(f"step {shown(step)}: {place} is missing; it is {words}", place, step, None, words)
    cause = details.get("ctx", {}).get("error")
    message = f"step {shown(step)}: {place} cannot be {shown(value)}"
    message += f": {cause}" if isinstance(cause, Exception) else ""
    return Problem(f"{message}; allowed is {words}", place, step, plain(value), words)


def _kind(schema: Mapping[str, Any], shared: Mapping[str, Any], value: object) -> Mapping[str, Any]:
    """What a reference stands for, and which of several kinds a list or an object is meant to be."""
    meant = "array" if isinstance(value, list) else "object"
    for one in schema.get("anyOf", [schema]):
        kind = shared[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one
        if kind.get("type") == meant:
            return cast("Mapping[str, Any]", kind)
    return {}


def _words(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        schema = shared[schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        return " or ".join(_words(one, shared) for one in schema["anyOf"] if one.get("type") != "null")
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    kind = str(schema.get("type"))
    if kind in _DESCRIBED:
        return _DESCRIBED[kind](schema, shared)
    return "true or false" if kind == "boolean" else kind


def _number(schema: Mapping[str, Any], _: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    kind = "a whole number" if schema["type"] == "integer" else "a number"
    if least is not None and most is not None:
        return f"{least:g} to {most:g}" if least < 0 else f"{_digits(least)}–{_digits(most)}"
    bounds = [
        text
        for bound, text in (
            (least, f"from {least} on"),
            (above, f"above {above}"),
            (most, f"at most {most}"),
            (below, f"below {below}"),
        )
        if bound is not None
    ]
    return ", ".join([kind, *bounds])


def _digits(number: float) -> str:
    return f"{number:g}" if abs(number) < 1e5 else str(int(number))


def _text(schema: Mapping[str, Any], _: Mapping[str, Any]) -> str:
    if schema.get("format") == "color":
        words = [word for word in schema["examples"] if word in {"auto", "blur"}]
        return ", ".join(["#rgb, #rrggbb, #rrggbbaa, a CSS colour name, transparent", *words])
    example = schema.get("examples", [None])[0]
    if isinstance(example, str) and example.endswith("%"):
        return f'a percentage such as "{example}"'
    if "maxLength" in schema:
        return f"text of {schema.get('minLength', 0)}–{schema['maxLength']} characters"
    return f'text such as "{example}"' if example is not None else "text"


def _list(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    least, most = schema.get("minItems"), schema.get("maxItems")
    length = "" if most is None else f" of {least}–{most}" if least else f" of at most {most}"
    return f"a list{length}; each entry is {_words(schema.get('items', {}), shared)}"


def _object(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    if len(schema.get("properties", ())) > _SPELLED_OUT:
        # What each key of many takes is said where that one is wrong.
        return "{" + ", ".join(schema["properties"]) + "}"
    if "properties" in schema:
        return (
            "{"
            + ", ".join(f"{name}: {_words(one, shared)}" for name, one in schema["properties"].items())
            + "}"
        )
    if "propertyNames" in schema:
        values = schema.get("additionalProperties")
        keys = f"an object; each key is {_words(schema['propertyNames'], shared)}"
        return f"{keys}; each value is {_words(values, shared)}" if isinstance(values, dict) else keys
    return "an object"


_DESCRIBED = {"string": _text, "integer": _number, "number": _number, "array": _list, "object": _object}
