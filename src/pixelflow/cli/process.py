"""``pixelflow process``."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelflow.cli.options import FolderOption, JsonOption, PipelineOption

if TYPE_CHECKING:
    from pixelflow.cli.local import Refused, Report


def process(
    given: Annotated[
        list[str], typer.Argument(metavar="IN...", help="Pictures, folders, or - for standard input.")
    ],
    output: FolderOption,
    pipeline: PipelineOption,
    asset: Annotated[
        list[str] | None,
        typer.Option(metavar="ID=FILE", help="A picture that the pipeline refers to by this id."),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Decoder processes (WORKER_POOL_SIZE).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run pictures through a pipeline without a server, into DIR as NAME_STEP.EXTENSION.

    Results appear whole or not at all, and replace earlier ones, but never an input. With --json there is one
    document a line, in the order in which pictures are done.
    """
    import asyncio
    import time

    from pixelflow.cli import local
    from pixelflow.cli.configuration import read_settings
    from pixelflow.cli.inputs import inputs
    from pixelflow.cli.screen import progress
    from pixelflow.cli.steps import read_steps
    from pixelflow.operations.pipeline import parse
    from pixelflow.telemetry import configure_logs

    settings = read_settings({} if workers is None else {"worker_pool_size": workers})
    checked = parse(read_steps(pipeline))
    pictures = inputs(given, output)
    assets = _assets(asset or (), checked.needs)
    configure_logs("critical", settings.log.log_format)
    reports: list[Report] = []
    begun = time.perf_counter()
    with progress("never" if as_json else "terminal", counts=True) as bar:
        task = bar.add_task("pictures", total=len(pictures))

        def done(report: "Report") -> None:
            reports.append(report)
            bar.advance(task)
            if as_json:
                typer.echo(_line(report))

        asyncio.run(
            local.process(pictures, checked, assets, settings.pool_options, settings.image_limits, done)
        )
    if not as_json:
        _table(reports, time.perf_counter() - begun)
    raise typer.Exit(any(report.error for report in reports))


def _assets(given: Sequence[str], needed: Collection[str]) -> dict[str, Path]:
    from pixelflow.cli.mistakes import Mistake

    found: dict[str, Path] = {}
    for text in given:
        name, equals, file = text.partition("=")
        if not (name and equals and Path(file).is_file()):
            raise Mistake(f"--asset {text!r} is not ID=FILE with a file that exists")
        found[name] = Path(file)
    if missing := sorted(set(needed) - found.keys()):
        raise Mistake(
            f"the pipeline refers to {', '.join(missing)}",
            "  name the file of each: " + " ".join(f"--asset {name}=FILE" for name in missing),
        )
    return found


def _line(report: "Report") -> str:
    import json

    def shown(refused: "Refused") -> dict[str, Any]:
        return {"step": refused.step, "code": refused.code, "message": refused.message}

    return json.dumps(
        {
            "input": report.name,
            "status": "failed" if report.error else "completed",
            "seconds": round(report.seconds, 4),
            "outputs": [
                {
                    "step": each.step,
                    "path": str(each.path),
                    "format": each.format,
                    "width": each.width,
                    "height": each.height,
                    "bytes": each.size,
                }
                for each in report.written
            ],
            "skipped": [shown(each) for each in report.skipped],
            "error": shown(report.error) if report.error else None,
        }
    )


def _table(reports: Sequence["Report"], seconds: float) -> None:
    from pixelflow.cli.screen import duration, show, size, weight

    rows = [
        (str(each.path), size(each.width, each.height), weight(each.size), duration(report.seconds))
        for report in reports
        for each in report.written
    ]
    if rows:
        show(("name", ">pixels", ">size", ">time"), rows)
    for report in reports:
        for each in (*report.skipped, *([report.error] if report.error else ())):
            where = f", step {each.step}" if each.step else ""
            verdict = "failed" if each is report.error else "skipped"
            typer.echo(f"{report.name}{where} {verdict}: {each.message} ({each.code})", err=True)
    failed = sum(report.error is not None for report in reports)
    typer.echo(
        f"{len(reports) - failed} of {len(reports)} pictures done in {duration(seconds)}"
        + (f", {failed} failed" if failed else ""),
        err=True,
    )
