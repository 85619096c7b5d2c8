"""``pixelflow plan``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelflow.cli.options import JsonOption, PipelineOption

if TYPE_CHECKING:
    from pixelflow.domain.errors import Problem
    from pixelflow.imaging.prediction import Origin, Prediction


def plan(
    pipeline: PipelineOption,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A picture, of which the header is read.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(metavar="WxH,FORMAT", help="Instead of a file: 4000x3000,jpeg or 90x90,gif,frames=8."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what a pipeline will make of a picture, without running it.

    Sizes in pixels are exact; bytes, CPU time and memory are estimates, and a dash is not known before there
    are pixels. Without FILE and --source only that is told which holds for every picture. The exit code is 1
    when the job would fail.
    """
    import json
    from dataclasses import asdict

    from pixelflow.cli.configuration import read_settings
    from pixelflow.cli.mistakes import Mistake
    from pixelflow.cli.steps import read_steps
    from pixelflow.imaging.advice import FATAL
    from pixelflow.imaging.prediction import predict, unknown
    from pixelflow.operations.pipeline import parse
    from pixelflow.telemetry import configure_logs

    settings = read_settings({"worker_pool_size": 1})
    limits = settings.image_limits
    checked = parse(read_steps(pipeline))
    if file is not None and source is not None:
        raise Mistake("give a file or --source, not both")
    if file is not None:
        import asyncio

        from pixelflow.cli import local

        configure_logs("critical", settings.log.log_format)
        origin = asyncio.run(local.header(_picture(file), settings.pool_options, limits))
    else:
        origin = unknown(limits) if source is None else _described(source)
    found = predict(checked, origin, limits)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        _table(found)
    raise typer.Exit(any(each.code in FATAL for each in found.warnings))


def _picture(name: str) -> Path:
    from pixelflow.cli.mistakes import Mistake

    if not Path(name).is_file():
        raise Mistake(f"there is no file {name!r}")
    return Path(name)


def _described(text: str) -> "Origin":
    """``4000x3000,jpeg`` with further fields as ``frames=8``; raises Mistake."""
    from pixelflow.cli.mistakes import Mistake
    from pixelflow.cli.steps import value_of
    from pixelflow.control.described import read_source
    from pixelflow.domain.installed import readable

    sides, *rest = text.split(",")
    width, _, height = sides.partition("x")
    given: dict[str, Any] = {"width": value_of(width), "height": value_of(height)}
    for part in rest:
        name, equals, value = part.partition("=")
        given |= {name.strip(): value_of(value)} if equals else {"format": name.strip()}
    problems: list[Problem] = []
    origin = read_source(given, readable(), problems)
    if problems:
        lines = [f"  {each.message}; allowed: {each.allowed}" for each in problems]
        raise Mistake(f"cannot read the source {text!r}, which is such as 4000x3000,jpeg:", *lines)
    return origin


def _table(found: "Prediction") -> None:
    from pixelflow.cli.screen import duration, mark, show, size, weight

    def known(value: bool | None) -> str:
        return "–" if value is None else mark(value)

    rows = [
        (
            each.id,
            size(each.width, each.height),
            each.format or "–",
            known(each.alpha),
            "–" if each.frames is None else str(each.frames),
            "–" if each.bytes is None else weight(each.bytes),
            "–" if each.cpu_seconds is None else duration(each.cpu_seconds),
            "–" if each.memory_bytes is None else weight(each.memory_bytes),
        )
        for each in found.outputs
    ]
    show(("step", ">pixels", "format", "alpha", ">frames", ">size", ">CPU time", ">memory"), rows)
    for warning in found.warnings:
        where = f"step {warning.step}: " if warning.step else ""
        typer.echo(f"{where}{warning.message} ({warning.code})\n  {warning.fix}", err=True)
