"""``pixelflow cancel``, ``retry`` and ``delete``: by their ids, or all that a filter finds."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

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


def cancel(
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
    """Stop jobs on a running server."""
    where = filters(status, template, created_after, created_before, metadata)
    _steer("cancel", ids or [], where, every=every, dry_run=dry_run, yes=yes, url=url, as_json=as_json)


def retry(
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
    """Run jobs again that failed, were cancelled or quarantined."""
    where = filters(status, template, created_after, created_before, metadata)
    _steer("retry", ids or [], where, every=every, dry_run=dry_run, yes=yes, url=url, as_json=as_json)


def delete(
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
    """Delete jobs with their inputs and outputs."""
    where = filters(status, template, created_after, created_before, metadata)
    _steer("delete", ids or [], where, every=every, dry_run=dry_run, yes=yes, url=url, as_json=as_json)


def _steer(
    action: str,
    ids: list[str],
    where: dict[str, Any],
    *,
    every: bool,
    dry_run: bool,
    yes: bool,
    url: str,
    as_json: bool,
) -> None:
    import json

    from pixelflow.cli.mistakes import Mistake
    from pixelflow.cli.remote import talking

    if bool(ids) == bool(where or every):
        raise Mistake("give ids, or a filter such as --status failed, or --all")
    with talking(url) as client:
        if ids:
            done = _one_by_one(client, action, ids, dry_run=dry_run)
            typer.echo(
                json.dumps(done) if as_json else "\n".join(f"{each['id']}  {each['status']}" for each in done)
            )
            return
        counted = client.bulks.order(action, where, dry_run=True)
        if dry_run or not counted.total:
            _report(counted, as_json=as_json)
            return
        if not yes:
            if as_json or not sys.stdin.isatty():
                raise Mistake(f"{action} {counted.total} jobs? Say so with --yes")
            typer.confirm(f"{action} {counted.total} jobs?", abort=True, err=True)
        _report(_followed(client, client.bulks.order(action, where), as_json=as_json), as_json=as_json)


def _one_by_one(client: "Client", action: str, ids: list[str], *, dry_run: bool) -> list[dict[str, str]]:
    done = []
    for job_id in ids:
        handle = client.job(job_id)
        if not dry_run:
            getattr(handle, action)()
        deleted = action == "delete" and not dry_run
        done.append({"id": job_id, "status": "deleted" if deleted else handle.status})
    return done


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
