"""``pixelflow operations``."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from pixelflow.cli.options import JsonOption


def operations(
    name: Annotated[str | None, typer.Argument(help="One operation, with its parameters.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List what a step can do, or one operation's parameters."""
    import json

    from pixelflow.cli.mistakes import Mistake
    from pixelflow.operations.registry import describe

    found = {operation["name"]: operation for operation in describe()}
    if name is not None and name not in found:
        raise Mistake(f"there is no operation {name!r}; there are: {', '.join(sorted(found))}")
    chosen = [found[name]] if name else list(found.values())
    if as_json:
        typer.echo(json.dumps({"operations": chosen}, indent=2))
        return

    from pixelflow.cli.screen import mark, show

    if name is None:
        columns = ("operation", "family", "animated", "what it does")
        show(
            columns,
            (
                (each["name"], each["family"], mark(each["animated"]), each["description"].splitlines()[0])
                for each in chosen
            ),
        )
        return
    typer.echo(f"{chosen[0]['description']}\n")
    show(("parameter", "allowed", "default", "meaning"), _parameters(chosen[0]["parameters"]))


def _parameters(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    import json

    required = schema.get("required", ())
    for name, parameter in schema.get("properties", {}).items():
        default = "required" if name in required else json.dumps(parameter.get("default"))
        yield (
            name,
            _allowed(parameter, schema.get("$defs", {})),
            "" if default == "null" else default,
            " ".join(parameter.get("description", "").split()),
        )


def _allowed(kind: Mapping[str, Any], named: Mapping[str, Any]) -> str:
    from pixelflow.cli.configuration import interval

    if "$ref" in kind:
        return _allowed(named[kind["$ref"].rsplit("/", 1)[-1]], named)
    if "anyOf" in kind:
        return " | ".join(
            dict.fromkeys(_allowed(each, named) for each in kind["anyOf"] if each.get("type") != "null")
        )
    if "enum" in kind:
        return ", ".join(map(str, kind["enum"]))
    if "const" in kind:
        return str(kind["const"])
    if kind.get("examples"):
        return "as " + ", ".join(map(str, kind["examples"]))
    return " ".join(filter(None, (kind.get("type", "any"), interval(kind))))
