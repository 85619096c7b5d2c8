"""What is wrong with a step, one problem a field, in words that say what would be right."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from pixelflow.domain.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

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
    """Each refused field of a step once; ``names`` are all the keys that the step may have."""
    by_field: dict[str, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        by_field.setdefault(str(details["loc"][0]) if details["loc"] else "", []).append(details)
    return [_problem(model, field, details, values, step, names) for field, details in by_field.items()]


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
    if isinstance(values.get(field), list | dict) and len(details[0]["loc"]) > 1:
        return _problem_inside(model, field, details, values[field], step)
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


def _problem_inside(
    model: type[BaseModel], field: str, details: list[ErrorDetails], value: Any, step: str
) -> Problem:
    """The first thing wrong inside a list or an object, shown with its place: ``layers[1].blend``."""
    first = details[0]
    schema = _schema(model)
    shared = schema.get("$defs", {})
    here, place = schema["properties"][field], field
    for key in first["loc"][1:]:
        here = _whole(here, shared)
        if isinstance(value, list) and isinstance(key, int):
            here, value, place = here.get("items", {}), value[key], f"{place}[{key}]"
        elif isinstance(value, dict) and key in here.get("properties", {}):
            here, value, place = here["properties"][key], value.get(str(key)), f"{place}.{key}"
        elif isinstance(value, dict) and first["type"] == "extra_forbidden":
            names = ", ".join(here.get("properties", ()))
            message = (
                f"step {shown(step)}: {place}: {unknown('parameter', str(key), here.get('properties', ()))}"
            )
            return Problem(message, field, step, plain(value[key]), names)
        else:
            break
    words = _words(here, shared) if here else allowed(model, field)
    if first["type"] == "missing":
        return Problem(f"step {shown(step)}: {place} is missing; it is {words}", field, step, None, words)
    causes = [cause for one in details if isinstance(cause := one.get("ctx", {}).get("error"), Exception)]
    message = f"step {shown(step)}: {place} cannot be {shown(value)}" + (f": {causes[0]}" if causes else "")
    return Problem(f"{message}; allowed is {words}", field, step, plain(value), words)


def _whole(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference stands for, and what a field is that may be left out."""
    kinds = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    schema = kinds[0] if len(kinds) == 1 else schema
    return cast("Mapping[str, Any]", shared[schema["$ref"].rsplit("/", 1)[1]]) if "$ref" in schema else schema


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
