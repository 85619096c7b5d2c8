"""``pixelflow gc``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelflow.cli.options import JsonOption

if TYPE_CHECKING:
    from pixelflow.settings import Settings


def gc(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", "--report", help="Change nothing; tell what is stored and what is due."),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option("--url", help="A server on this machine; by default whoever has the database."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take at once what is kept no longer, and files that no job names, as the server does in its own time.

    A running server is asked to do it; without one the database is opened here.
    """
    import json

    found = _asked(url, dry_run) if url else _here_or_asked(dry_run)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    elif dry_run:
        _report(found)
    else:
        _swept(found)


def _here_or_asked(dry_run: bool) -> Any:
    import asyncio

    from pixelflow.cli.configuration import read_settings
    from pixelflow.cli.mistakes import FAILED, Mistake
    from pixelflow.domain.errors import DatabaseOwned
    from pixelflow.telemetry import configure_logs

    settings = read_settings({})
    if settings.store.store is None and not settings.store.db_path.exists():
        raise Mistake(f"there is no database at {settings.store.db_path}; DB_PATH names it")
    configure_logs("critical", settings.log.log_format)
    try:
        return asyncio.run(_here(settings, dry_run))
    except DatabaseOwned as error:
        url = f"http://{settings.http.host}:{settings.http.port}"
        try:
            return _asked(url, dry_run)
        except Mistake:
            raise Mistake(
                error.detail, f"  and no server answers at {url}; name it with --url", code=FAILED
            ) from None


async def _here(settings: "Settings", dry_run: bool) -> Any:
    from pixelflow.bootstrap.inventory import open_inventory
    from pixelflow.http.shapes.keeping import report_view, swept_view

    async with open_inventory(settings) as inventory:
        return report_view(await inventory.report()) if dry_run else swept_view(await inventory.sweep())


def _asked(url: str, dry_run: bool) -> Any:
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        return client.storage() if dry_run else client.sweep()


def _report(found: Any) -> None:
    from pixelflow.cli.screen import show, weight

    rows = [
        (each["kind"], each["tenant"], each["age"], f"{each['count']}", weight(each["bytes"]))
        for each in found["stored"]
    ]
    show(("stored", "tenant", "up to", ">files", ">size"), rows)
    typer.echo()
    due = [(name, f"{each['count']}", weight(each["bytes"])) for name, each in found["due"].items()]
    show(("the sweep would take", ">count", ">size"), due)
    if found["more_due"]:
        typer.echo("More jobs are due than were counted.")


def _swept(found: Any) -> None:
    from pixelflow.cli.screen import show, weight

    rows = [(name, f"{each['count']}", weight(each["bytes"])) for name, each in found["jobs"].items()]
    show(("taken", ">count", ">size"), [*rows, ("orphans", f"{found['orphans']}", "")])
