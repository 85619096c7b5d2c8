"""The settings of a command: the environment's, and what its options say instead."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from pixelflow.cli.mistakes import Mistake
from pixelflow.settings import PARTS, Settings
from pixelflow.settings.part import Part


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Raises Mistake with the variable, the value and what is allowed."""
    try:
        return Settings(**given)
    except ValidationError as error:
        raise Mistake(
            *(_line(found["loc"], found["input"], found["msg"]) for found in error.errors())
        ) from None


def _line(location: tuple[int | str, ...], value: object, reason: str) -> str:
    name = str(location[0])
    allowed = next((_allowed(part, name) for part in PARTS.values() if name in part.model_fields), None)
    return f"{name.upper()} is {value!r}: {reason}" + (f"; allowed: {allowed}" if allowed else "")


def _allowed(part: type[Part], name: str) -> str | None:
    schema = part.model_json_schema()["properties"][name]
    for kind in (schema, *schema.get("anyOf", ())):
        if "enum" in kind:
            return ", ".join(kind["enum"])
        if kind.get("type") in {"integer", "number"}:
            return interval(kind)
    return None


def interval(kind: Mapping[str, Any]) -> str | None:
    """A JSON Schema's bounds on a number, in words."""
    low, high = kind.get("minimum"), kind.get("maximum")
    if low is None and "exclusiveMinimum" in kind:
        return f"more than {kind['exclusiveMinimum']}" + ("" if high is None else f", at most {high}")
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"{low} or more"
    return None if high is None else f"{high} or less"
