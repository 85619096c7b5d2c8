"""The pipeline as it is written on a command line."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pixelflow.cli.mistakes import Mistake


def read_steps(given: Sequence[str]) -> list[Any]:
    """The steps of all ``-p`` in order; raises Mistake where one cannot be read."""
    steps: list[Any] = []
    for text in given:
        if text.lstrip().startswith(("[", "{")):
            steps += _json(text, "the pipeline")
        elif text.endswith(".json"):
            steps += _json(_file(text), text)
        else:
            steps.append(
                _step(text, {step["id"] for step in steps if isinstance(step, dict) and "id" in step})
            )
    return steps


def _file(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Mistake(f"cannot read the pipeline in {name}: {reason}") from None


def _json(text: str, where: str) -> list[Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        lines = text.splitlines() or [""]
        shown = lines[error.lineno - 1] if error.lineno <= len(lines) else ""
        start = max(0, error.colno - 60)
        raise Mistake(
            f"{where} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            f"  {shown[start : error.colno + 20]}",
            f"  {' ' * (error.colno - 1 - start)}^",
        ) from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, lists in lists in lists
        raise Mistake(f"{where} cannot be read: {error}") from None
    return found if isinstance(found, list) else [found]


def _step(text: str, taken: set[str]) -> dict[str, Any]:
    action, _, rest = text.partition(":")
    step: dict[str, Any] = {"action": action}
    for pair in rest.split(",") if rest else ():
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise Mistake(
                f"cannot read {pair!r} in the step {text!r}",
                "  a step is ACTION:NAME=VALUE,NAME=VALUE, as thumbnail:width=800,format=webp is;",
                "  a value with a comma in it needs the pipeline as JSON",
            )
        step[name.strip()] = value_of(value)
    number, name = 1, action
    while name in taken:
        number += 1
        name = f"{action}-{number}"
    return {"id": name, **step}


def value_of(text: str) -> Any:
    """JSON if it is any, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
