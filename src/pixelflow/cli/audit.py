"""``pixelflow audit``."""

from typing import Annotated

import typer

from pixelflow.cli.options import LOCAL_URL, JsonOption, UrlOption


def audit(
    action: Annotated[str | None, typer.Option(help="Only this, such as job.deleted.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only what was done to this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many lines, the newest first.")] = 50,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Tell who deleted, held, promoted or changed what."""
    import json
    from dataclasses import asdict
    from itertools import islice

    from pixelflow.cli.remote import talking
    from pixelflow.cli.screen import show

    with talking(url) as client:
        found = list(islice(client.audit(action=action, subject=subject), limit))
    if as_json:
        typer.echo(json.dumps([asdict(line) for line in found], indent=2, default=lambda at: at.isoformat()))
        return
    rows = [
        (
            line.at.isoformat(timespec="seconds") if line.at else "–",
            line.actor,
            line.action,
            line.subject,
            json.dumps(line.detail, ensure_ascii=False) if line.detail else "",
        )
        for line in found
    ]
    show(("at", "actor", "action", "subject", ""), rows)
