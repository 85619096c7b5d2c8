"""``pixelflow batch``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelflow.cli.options import LOCAL_URL, JsonOption, OptionalPipelineOption, UrlOption

if TYPE_CHECKING:
    from pixelflow.client import Batch, Client, MadeBatch

IdArgument = Annotated[str, typer.Argument(metavar="BATCH", help="The batch's id.")]

batch = typer.Typer(
    name="batch", help="Many pictures in one call, on a running server.", no_args_is_help=True
)


@batch.command()
def create(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE…", help="URLs; or a .csv, .jsonl or .txt file with one a line; - for URLs."
        ),
    ] = None,
    template: Annotated[
        str | None, typer.Option("--template", "-t", help="NAME, NAME@3, NAME@ALIAS.")
    ] = None,
    pipeline: OptionalPipelineOption = None,
    prefix: Annotated[
        str | None, typer.Option(help="Instead of sources: all objects below s3://… or file://….")
    ] = None,
    after: Annotated[str | None, typer.Option(help="With --prefix: those whose URL is greater.")] = None,
    max_in_flight: Annotated[int | None, typer.Option(help="Jobs that wait and run at once.")] = None,
    priority: Annotated[int | None, typer.Option(help="-10 to 10.")] = None,
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="One bad line refuses all.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what it would take.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, with a progress bar.")] = False,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Make a batch; with --wait the exit code is 1 when a line did not go well."""
    import json
    from dataclasses import asdict

    from pixelflow.cli.batch_sources import read_sources
    from pixelflow.cli.mistakes import Mistake
    from pixelflow.cli.remote import talking
    from pixelflow.cli.steps import read_steps

    if bool(pipeline) == bool(template):
        raise Mistake("give either --pipeline or --template")
    if bool(sources) == bool(prefix):
        raise Mistake("give either sources or --prefix")
    with talking(url) as client:
        made = client.batches.create(
            read_sources(sources) if sources else None,
            template=template,
            pipeline=read_steps(pipeline) if pipeline else None,
            prefix=prefix,
            after=after,
            max_in_flight=max_in_flight,
            priority=priority,
            all_or_nothing=all_or_nothing,
            dry_run=dry_run,
        )
        ended = _waited(client, made.id, as_json) if wait and made.id else None
    if as_json:
        typer.echo(json.dumps({**asdict(made), **({"batch": _document(ended)} if ended else {})}))
    else:
        _told(made)
        if ended is not None:
            _table([ended])
    raise typer.Exit(bool(ended and (made.refused or ended.counts.get("completed") != ended.accepted)))


@batch.command("list")
def list_batches(url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """All batches, newest first."""
    import json

    from pixelflow.cli.remote import talking

    with talking(url) as client:
        found = list(client.batches.list())
    if as_json:
        typer.echo(json.dumps([_document(each) for each in found]))
    else:
        _table(found)


@batch.command()
def show(batch_id: IdArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """A batch's counts and progress."""
    _shown("get", batch_id, url, as_json)


@batch.command()
def wait(batch_id: IdArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """Wait for a batch's end, with a progress bar; the exit code is 1 when a line did not go well."""
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        ended = _waited(client, batch_id, as_json)
    _answer(ended, as_json)
    raise typer.Exit(bool(ended.refused or ended.counts.get("completed") != ended.accepted))


@batch.command()
def lines(
    batch_id: IdArgument,
    status: Annotated[str | None, typer.Option(help="Only these, such as failed or pending.")] = None,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """What became of each line."""
    import json
    from dataclasses import asdict

    from pixelflow.cli.remote import talking
    from pixelflow.cli.screen import show as table

    with talking(url) as client:
        found = list(client.batches.lines(batch_id, status=status))
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found]))
        return
    rows = [
        (str(each.line), each.status, each.source or "", each.job_id or "", each.message or "")
        for each in found
    ]
    table((">line", "status", "source", "job", "message"), rows)


@batch.command()
def failures(
    batch_id: IdArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Into a file.")
    ] = None,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """The table of all lines that did not go well, as CSV."""
    import csv
    import io
    import json

    from pixelflow.cli.remote import talking

    with talking(url) as client:
        text = client.batches.failures(batch_id)
    if as_json:
        text = json.dumps(list(csv.DictReader(io.StringIO(text)))) + "\n"
    if output is not None:
        output.write_text(text, encoding="utf-8", newline="")
    else:
        typer.echo(text, nl=False)


@batch.command()
def pause(batch_id: IdArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """Make no further jobs; those there are go on."""
    _shown("pause", batch_id, url, as_json)


@batch.command()
def resume(batch_id: IdArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """Go on with a paused batch."""
    _shown("resume", batch_id, url, as_json)


@batch.command()
def cancel(batch_id: IdArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """Stop a batch with all its jobs."""
    _shown("cancel", batch_id, url, as_json)


@batch.command()
def retry(batch_id: IdArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """Run the lines again that did not go well, also of a cancelled batch."""
    _shown("retry", batch_id, url, as_json)


@batch.command()
def delete(batch_id: IdArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """Delete a batch that has ended; its jobs stay."""
    import json

    from pixelflow.cli.remote import talking

    with talking(url) as client:
        client.batches.delete(batch_id)
    typer.echo(json.dumps({"deleted": batch_id}) if as_json else f"{batch_id} is deleted")


def _shown(verb: str, batch_id: str, url: str, as_json: bool) -> None:
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        found: Batch = getattr(client.batches, verb)(batch_id)
    _answer(found, as_json)


def _waited(client: "Client", batch_id: str, as_json: bool) -> "Batch":
    from pixelflow.cli.screen import progress

    with progress("never" if as_json else "terminal", counts=True) as bar:
        task = bar.add_task(f"batch {batch_id}", total=None)

        def look(found: "Batch") -> None:
            left = found.counts.get("pending", 0) + found.counts.get("in_flight", 0)
            bar.update(task, total=found.accepted, completed=found.accepted - left)

        return client.batches.wait(batch_id, on_progress=look)


def _told(made: "MadeBatch") -> None:
    from pixelflow.cli.screen import duration, weight

    if made.forecast is not None:
        told = made.forecast
        size = "–" if told.size is None else weight(told.size)
        cpu, wall = ("–" if each is None else duration(each) for each in (told.cpu_seconds, told.seconds))
        typer.echo(
            f"{made.accepted} pictures: about {cpu} of CPU time, {wall} on this server, {size} of outputs"
        )
    else:
        typer.echo(f"batch {made.id}: {made.accepted} of {made.total} lines taken")
    for each in made.refusals:
        typer.echo(f"line {each.line}: {each.message}", err=True)
    if made.next_after:
        typer.echo(f"there are more: --after {made.next_after}", err=True)


def _answer(found: "Batch", as_json: bool) -> None:
    import json

    if as_json:
        typer.echo(json.dumps(_document(found)))
    else:
        _table([found])


def _table(found: "list[Batch]") -> None:
    from pixelflow.cli.screen import show as table

    counts = ("pending", "in_flight", "completed", "failed", "cancelled", "quarantined")
    rows = [
        (
            each.id,
            each.status,
            f"{each.progress} %",
            str(each.refused),
            *(str(each.counts.get(name, 0)) for name in counts),
        )
        for each in found
    ]
    heads = (">refused", *(f">{name.replace('_', ' ')}" for name in counts))
    table(("batch", "status", ">done", *heads), rows)


def _document(found: "Batch") -> dict[str, Any]:
    from dataclasses import asdict

    moments = {
        name: moment.isoformat() if moment else None
        for name, moment in (("created_at", found.created_at), ("finished_at", found.finished_at))
    }
    return {**asdict(found), **moments}
