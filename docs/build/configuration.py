"""Writes the configuration page from the settings: ``python docs/build/configuration.py``."""

from collections.abc import Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any

from pixelflow.cli.configuration import interval
from pixelflow.settings import PARTS
from pixelflow.settings.part import MEGABYTE, Part

PAGE = Path(__file__).parents[1] / "configuration.md"
INTRODUCTION = """\
# Configuration

Every setting is an environment variable; none has to be set. An empty one counts as not set. A value out of
range stops the start and names the variable, the value and what is allowed; `pixelflow serve --help` has
the few that are options too. This page is made from `src/pixelflow/settings/` by
`python docs/build/configuration.py`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(line for part in PARTS.values() for line in _section(part))])


def _section(part: type[Part]) -> Iterator[str]:
    yield f"## {cleandoc(part.__doc__ or '').rstrip('.')}"
    yield ""
    yield "| variable | default | allowed | meaning |"
    yield "|---|---|---|---|"
    schema = part.model_json_schema()["properties"]
    for name, field in part.model_fields.items():
        meaning = schema[name]["description"].replace("\n", " ").replace("|", "\\|")
        yield f"| `{name.upper()}` | {_default(field.default)} | {_allowed(schema[name])} | {meaning} |"
    yield ""


def _default(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, int) and value >= MEGABYTE and value % MEGABYTE == 0:
        return f"`{value}` ({value // MEGABYTE} MiB)"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value}`"


def _allowed(schema: Mapping[str, Any]) -> str:
    for kind in (schema, *schema.get("anyOf", ())):
        if "enum" in kind:
            return ", ".join(f"`{choice}`" for choice in kind["enum"])
        if kind.get("type") in {"integer", "number"}:
            return interval(kind) or "any number"
        if kind.get("format") == "path":
            return "a path"
    return "text"


if __name__ == "__main__":
    PAGE.write_text(page())
