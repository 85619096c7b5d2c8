"""``pixelflow cancel``, ``retry`` and ``delete``: by their ids, or all that a filter finds."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from pixelflow.cli.jobs import (
    AfterOption,
    BeforeOption,
    MetadataOption,
    StatusOption,
    TemplateOption,
    filters,
)
from pixelflow.cli.options import LOCAL_URL, JsonOption, UrlOption

if TYPE_CHECKING:
    from pixelflow.client import Bulk, Client

LOOK_SECONDS = 0.2
"""How often the progress is asked for."""

IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Jobs; or give a filter.")]
AllOption = Annotated[bool, typer.Option("--all", help="Every job, where no filter is given.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only count what the filter finds.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def _steering(action: str, does: str) -> Callable[..., None]:
    def command(
        ids: IdsArgument = None,
        status: StatusOption = None,
        template: TemplateOption = None,
        created_after: AfterOption = None,
        created_before: BeforeOption = None,
        metadata: MetadataOption = None,
        every: AllOption = False,
        dry_run: DryRunOption = False,
        yes: YesOption = False,
        url: UrlOption = LOCAL_URL,
        as_json: JsonOption = False,
    ) -> None:
        from pixelflow.cli.mistakes import Mistake
        from pixelflow.cli.remote import talking

        where = filters(status, template, created_after, created_before, metadata)
        if bool(ids) == bool(where or every):
            raise Mistake("give ids, or a filter such as --status failed, or --all")
        with talking(url) as client:
            if ids:
                _one_by_one(client, action, ids, dry_run=dry_run, as_json=as_json)
                return
            counted = client.bulks.order(action, where, dry_run=True)
            if dry_run or not counted.total:
                _report(counted, as_json=as_json)
                return
            if not yes:
                _ask(f"{action} {counted.total} jobs?", as_json=as_json)
            _report(_followed(client, client.bulks.order(action, where), as_json=as_json), as_json=as_json)

    command.__name__, command.__doc__ = action, does
    return command


cancel = _steering("cancel", "Stop jobs on a running server.")
retry = _steering("retry", "Run jobs again that failed, were cancelled or quarantined.")
delete = _steering("delete", "Delete jobs with their inputs and outputs.")


def _ask(question: str, *, as_json: bool) -> None:
    from pixelflow.cli.mistakes import Mistake

    if as_json or not sys.stdin.isatty():
        raise Mistake(f"{question} Say so with --yes")
    typer.confirm(question, abort=True, err=True)


def _one_by_one(client: "Client", action: str, ids: list[str], *, dry_run: bool, as_json: bool) -> None:
    import json

    done = []
    for job_id in ids:
        handle = client.job(job_id)
        if not dry_run:
            getattr(handle, action)()
        deleted = action == "delete" and not dry_run
        done.append({"id": job_id, "status": "deleted" if deleted else handle.status})
    typer.echo(json.dumps(done) if as_json else "\n".join(f"{each['id']}  {each['status']}" for each in done))


def _followed(client: "Client", bulk: "Bulk", *, as_json: bool) -> "Bulk":
    import time

    from pixelflow.cli.screen import progress

    with progress("never" if as_json else "terminal", counts=True) as bar:
        task = bar.add_task(bulk.action, total=bulk.total)
        while not bulk.finished and bulk.id is not None:
            time.sleep(LOOK_SECONDS)
            bulk = client.bulks.get(bulk.id)
            bar.update(task, completed=bulk.changed + bulk.skipped)
    return bulk


def _report(bulk: "Bulk", *, as_json: bool) -> None:
    import json

    if as_json:
        names = ("id", "action", "status", "total", "changed", "skipped")
        typer.echo(json.dumps({name: getattr(bulk, name) for name in names}))
    elif bulk.id is None:
        typer.echo(f"{bulk.total} jobs")
    else:
        typer.echo(f"{bulk.action}: {bulk.changed} jobs, {bulk.skipped} skipped")
