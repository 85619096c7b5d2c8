"""``pixelflow templates``."""

from typing import TYPE_CHECKING, Annotated

import typer

from pixelflow.cli.options import LOCAL_URL, JsonOption, PipelineOption, UrlOption

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pixelflow.client import Template

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The template.")]
ReferenceArgument = Annotated[
    str, typer.Argument(metavar="TEMPLATE", help="NAME, NAME@VERSION, NAME@ALIAS or NAME@latest.")
]
AliasOption = Annotated[
    str | None, typer.Option("--alias", help="Move this alias instead of what the bare name means.")
]

templates = typer.Typer(
    name="templates", help="Named, versioned pipelines on a running server.", no_args_is_help=True
)


@templates.command("list")
def list_templates(url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """All templates, of each what its name means."""
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        _table(client.templates.list(), as_json)


@templates.command()
def show(template: ReferenceArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """One version's pipeline."""
    import json

    from pixelflow.cli.remote import talking

    with talking(url) as client:
        found = client.templates.get(template)
    typer.echo(json.dumps(_document(found) if as_json else found.pipeline, indent=2, ensure_ascii=False))


@templates.command()
def add(
    name: NameArgument,
    pipeline: PipelineOption,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Make a template, or its next version."""
    from pixelflow.cli.remote import talking
    from pixelflow.cli.steps import read_steps

    steps = read_steps(pipeline)
    with talking(url) as client:
        _told(client.templates.add(name, steps, description=description), as_json)


@templates.command()
def versions(name: NameArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """All versions of a template, newest first."""
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        _table(client.templates.versions(name), as_json)


@templates.command()
def diff(
    name: NameArgument,
    old: Annotated[str | None, typer.Argument(metavar="FROM", help="A version; the current one.")] = None,
    new: Annotated[str | None, typer.Argument(metavar="TO", help="A version; the newest.")] = None,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """What lies between two versions, step by step."""
    import json
    from dataclasses import asdict

    from pixelflow.cli.remote import talking

    with talking(url) as client:
        found = client.templates.diff(name, old, new)
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False))
        return
    colors = {"+": "green", "-": "red", "~": "yellow"}
    for line in found.lines:
        typer.secho(line, fg=colors.get(line[:1]))
    if found.same:
        typer.echo(f"{name}@{found.from_version} and {name}@{found.to_version} are the same")


@templates.command()
def promote(
    name: NameArgument,
    version: Annotated[str, typer.Argument(help="Its number, an alias, or latest.")],
    alias: AliasOption = None,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Let the template's name, or an alias of it, mean a version."""
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        wanted = int(version) if version.isdecimal() else version
        _told(client.templates.promote(name, wanted, alias=alias), as_json)


@templates.command()
def rollback(
    name: NameArgument, alias: AliasOption = None, url: UrlOption = LOCAL_URL, as_json: JsonOption = False
) -> None:
    """Let it mean what it did before."""
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        _told(client.templates.rollback(name, alias=alias), as_json)


@templates.command()
def delete(template: ReferenceArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """Delete a template with all its versions, one version, or an alias; jobs keep their pipeline."""
    import json

    from pixelflow.cli.remote import talking

    with talking(url) as client:
        client.templates.delete(template)
    typer.echo(json.dumps({"deleted": template}) if as_json else f"{template} is deleted")


def _told(template: "Template", as_json: bool) -> None:
    import json

    if as_json:
        typer.echo(json.dumps(_document(template), ensure_ascii=False))
    else:
        typer.echo(f"{template.id}; {_meanings(template)}")


def _table(found: "Iterable[Template]", as_json: bool) -> None:
    import json

    from pixelflow.cli.screen import show as table

    if as_json:
        typer.echo(json.dumps([_document(each) for each in found], ensure_ascii=False))
        return
    rows = [
        (
            each.id,
            _meanings(each),
            str(len(each.pipeline)),
            each.created_at.isoformat(" ", "minutes")[:16] if each.created_at else "built in",
            each.description or "",
        )
        for each in found
    ]
    table(("template", "names", ">steps", "made", "description"), rows)


def _meanings(template: "Template") -> str:
    names = {
        template.name: template.current_version,
        f"{template.name}@latest": template.newest_version,
        **{f"{template.name}@{alias}": version for alias, version in template.aliases.items()},
    }
    return ", ".join(f"{name} = {version}" for name, version in names.items())


def _document(template: "Template") -> dict[str, object]:
    from dataclasses import asdict

    return {
        **asdict(template),
        "created_at": template.created_at.isoformat() if template.created_at else None,
    }
