"""What the framework refuses of a request, in the words of this API."""

from collections.abc import Iterable, Mapping
from typing import Any

from pixelflow.domain.errors import Problem

KINDS = {"int": "a whole number", "float": "a number", "finite": "a number", "bool": "true or false"}
"""What a value must be, by what the type of the error begins with."""
BOUNDS = {
    "ge": "at least {}",
    "gt": "more than {}",
    "le": "at most {}",
    "lt": "less than {}",
    "expected": "one of {}",
    "min_length": "text of at least {} characters",
    "max_length": "text of at most {} characters",
    "pattern": "text that matches {}",
}
"""The same, by what its context holds."""


def problem(found: Mapping[str, Any], name: str, known: Iterable[str] = ()) -> Problem:
    """One error of pydantic's as a problem of the field ``name``; ``known`` are the fields that there are."""
    kind, value = str(found["type"]), found.get("input")
    if kind == "missing":
        return Problem(f"{name} is missing", name, allowed="a value")
    if kind == "extra_forbidden":
        return Problem(f"there is no field {name!r}", name, value=value, allowed=", ".join(known))
    context = found.get("ctx") or {}
    bounds = [words.format(context[bound]) for bound, words in BOUNDS.items() if bound in context]
    allowed = ", ".join(bounds) or KINDS.get(kind.split("_")[0], "an object")
    return Problem(f"{name} must be {allowed}", name, value=value, allowed=allowed)
