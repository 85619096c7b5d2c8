"""``pixelflow usage``, and ``pixelflow tenant`` for operators."""

from datetime import date, datetime
from typing import Annotated

import typer

from pixelflow.cli.options import LOCAL_URL, JsonOption, UrlOption


def usage(
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="A day of UTC; 29 days before --to."),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="A day of UTC; today.")
    ] = None,
    by_operation: Annotated[
        bool, typer.Option("--by-operation", help="CPU time by operation instead of by day.")
    ] = False,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Show what your jobs have taken, by day or by operation."""
    import json
    from dataclasses import asdict

    from pixelflow.cli.remote import talking

    with talking(url) as client:
        found = client.usage(first=_date(first), last=_date(last))
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2, default=str))
        return

    from pixelflow.cli.screen import duration, show, weight

    if by_operation:
        totals: dict[str, list[float]] = {}
        for day in found.days:
            for each in day.operations:
                total = totals.setdefault(each.operation, [0, 0.0])
                total[0] += each.jobs
                total[1] += each.cpu_seconds
        dearest = sorted(totals.items(), key=lambda item: -item[1][1])
        show(
            ("operation", ">jobs", ">CPU time"),
            [(name, f"{jobs:.0f}", duration(seconds)) for name, (jobs, seconds) in dearest],
        )
        return
    show(
        ("day", ">jobs", ">sent in", ">megapixels", ">CPU time"),
        [
            (
                str(day.day),
                str(day.jobs),
                weight(day.bytes),
                f"{day.pixels / 1e6:.1f}",
                duration(day.cpu_seconds),
            )
            for day in found.days
        ],
    )
    typer.echo(f"Stored: {weight(found.stored_bytes)}; queued: {found.queued_jobs}")


def tenant(
    name: Annotated[str, typer.Argument(help="The tenant; `local` without authentication.")],
    weight: Annotated[float | None, typer.Option(help="Its part of the places, 1 for the usual one.")] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="As jobs_per_day=1000; NAME=none lifts it, NAME=default is the server's."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(help="As outputs=86400, in seconds after a job's end; PART=default is the server's."),
    ] = None,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Show or set a tenant's weight, limits and times to be kept; on the server's own machine."""
    import json
    from dataclasses import asdict

    from pixelflow.cli.remote import talking

    given = [_limit(each) for each in limit or ()]
    times = dict(_time(each) for each in keep or ())
    with talking(url) as client:
        found = client.tenant(name)
        kept = client.tenant_keep(name)
        if times:
            said = {**kept, **times}
            kept = client.set_tenant_keep(name, {part: at for part, at in said.items() if at is not None})
        if weight is not None or given:
            limits = dict(found.limits)
            for key, value in given:
                limits.pop(key, None)
                if value != "default":
                    limits[key] = None if value == "none" else float(value) if "." in value else int(value)
            found = client.set_tenant(name, weight=found.weight if weight is None else weight, limits=limits)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "keep": kept}, indent=2))
        return

    from pixelflow.cli.screen import show

    rows = [("weight", f"{found.weight:g}")]
    rows += [(key, "none" if value is None else f"{value:,}") for key, value in sorted(found.limits.items())]
    rows += [(f"keeps {part} for seconds", f"{at:,.0f}") for part, at in kept.items() if at is not None]
    rows += [("stored bytes now", f"{found.stored_bytes:,}"), ("queued jobs now", f"{found.queued_jobs:,}")]
    show((found.tenant, ">"), rows)


def _limit(text: str) -> tuple[str, str]:
    from pixelflow.cli.mistakes import Mistake
    from pixelflow.domain.tenant import TenantLimits

    name, _, value = text.partition("=")
    number = value.replace(".", "", 1).isdigit()
    if name in TenantLimits.__dataclass_fields__ and (number or value in {"none", "default"}):
        return name, value
    names = ", ".join(TenantLimits.__dataclass_fields__)
    raise Mistake(f"--limit {text!r} is NAME=NUMBER, NAME=none or NAME=default; names are {names}")


def _time(text: str) -> tuple[str, float | None]:
    from pixelflow.cli.mistakes import Mistake
    from pixelflow.domain.keep import PARTS

    part, _, value = text.partition("=")
    if part in PARTS and (value == "default" or value.replace(".", "", 1).isdigit()):
        return part, None if value == "default" else float(value)
    raise Mistake(f"--keep {text!r} is PART=SECONDS or PART=default; parts are {', '.join(PARTS)}")


def _date(given: datetime | None) -> date | None:
    return given.date() if given else None
