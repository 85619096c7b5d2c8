"""``pixelflow doctor``."""

import typer

from pixelflow.cli.options import JsonOption

MARKS = {"ok": "✓", "warning": "!", "broken": "✗"}


def doctor(as_json: JsonOption = False) -> None:
    """Look whether everything is there; exit code 1 when the server could not start or take a job."""
    import asyncio
    import json
    from dataclasses import asdict

    from pixelflow.cli.checks import State, checks
    from pixelflow.cli.configuration import read_settings
    from pixelflow.telemetry import configure_logs

    settings = read_settings({})
    configure_logs("critical", "console")
    found = asyncio.run(checks(settings))
    broken = [check for check in found if check.state is State.BROKEN]
    if as_json:
        typer.echo(json.dumps({"ok": not broken, "checks": [asdict(check) for check in found]}, indent=2))
        raise typer.Exit(bool(broken))

    from pixelflow.cli.screen import show

    part = ""
    rows = []
    for check in found:
        rows.append(("" if check.part == part else check.part, MARKS[check.state], check.name, check.detail))
        part = check.part
    show(("", "", "", ""), rows)
    typer.echo()
    for check in found:
        if check.state is not State.OK:
            typer.echo(f"{MARKS[check.state]} {check.name}: {check.detail}\n  {check.remedy}")
    typer.echo("Something essential is broken." if broken else "PixelFlow can run here.")
    raise typer.Exit(bool(broken))
