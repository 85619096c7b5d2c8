"""``pixelflow submit``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelflow.cli.options import LOCAL_URL, JsonOption, OptionalPipelineOption, UrlOption

if TYPE_CHECKING:
    from pixelflow.client import JobResult


def submit(
    file: Annotated[str, typer.Argument(help="The picture; - for standard input; or a URL to fetch.")],
    pipeline: OptionalPipelineOption = None,
    template: Annotated[
        str | None, typer.Option("--template", "-t", help="Instead of a pipeline: NAME, NAME@3, NAME@ALIAS.")
    ] = None,
    url: UrlOption = LOCAL_URL,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", metavar="NAME: VALUE", help="Of the fetch."),
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="What the fetched bytes must have.")] = None,
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="Have the results sent there: a PUT, or a bucket.")
    ] = None,
    naming: Annotated[
        str | None, typer.Option(help="Their names in a bucket, as {job_id}/{step}.{ext}.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Fetch the results into this folder.")
    ] = None,
    timeout_seconds: Annotated[float, typer.Option(help="How long to wait for the job to end.")] = 300.0,
    as_json: JsonOption = False,
) -> None:
    """Send a picture to a running server and wait for its results."""
    import sys

    from pixelflow.cli.mistakes import Mistake
    from pixelflow.cli.remote import talking
    from pixelflow.cli.screen import progress
    from pixelflow.cli.steps import read_steps

    if bool(pipeline) == bool(template):
        raise Mistake("give either --pipeline or --template")
    steps = read_steps(pipeline) if pipeline else None
    headers = _headers(header or ())
    if (headers or sha256) and "://" not in file:
        raise Mistake("--header and --sha256 go with the URL of a picture")
    target = {"url": store, **({"naming": naming} if naming else {})} if store else None
    with talking(url) as client, progress("never" if as_json else "terminal") as bar:
        task = bar.add_task("sending", total=100)
        if "://" in file:
            handle = client.submit_url(
                file, steps, headers=headers, sha256=sha256, template=template, store=target
            )
        else:
            picture = sys.stdin.buffer if file == "-" else file
            handle = client.submit(picture, steps, template=template, store=target)
        bar.update(task, description=f"job {handle.id}")
        result = handle.result(
            timeout_seconds=timeout_seconds,
            on_progress=lambda job: bar.update(task, completed=job.progress),
        )
        bar.update(task, completed=100)
        saved = result.save(output) if output else []
    _report(result, saved, as_json)


def _headers(given: Sequence[str]) -> dict[str, str]:
    from pixelflow.cli.mistakes import Mistake

    found = {}
    for text in given:
        name, colon, value = text.partition(":")
        if not colon:
            raise Mistake("--header must read NAME: VALUE")
        found[name.strip()] = value.strip()
    return found


def _report(result: "JobResult", saved: list[Path], as_json: bool) -> None:
    import json

    from pixelflow.cli.screen import show, size, weight

    paths = dict(zip(result, map(str, saved), strict=True)) if saved else {}
    if as_json:
        outputs = [
            {
                "step": each.id,
                "format": each.format,
                "width": each.width,
                "height": each.height,
                "bytes": each.size,
                "sha256": each.sha256,
                "path": paths.get(each.id),
                "delivered": each.facts.delivered,
            }
            for each in result.values()
        ]
        skipped = {step: {"code": why.code, "message": why.message} for step, why in result.skipped.items()}
        typer.echo(
            json.dumps(
                {"job_id": result.job.id, "status": result.job.status, "outputs": outputs, "skipped": skipped}
            )
        )
        return
    rows = [
        (
            paths.get(each.id) or each.facts.delivered or each.id,
            each.format,
            size(each.width, each.height),
            weight(each.size),
        )
        for each in result.values()
    ]
    show(("name", "format", ">pixels", ">size"), rows)
    for step, why in result.skipped.items():
        typer.echo(f"skipped {step}: {why.message} ({why.code})", err=True)
