"""``pixelflow jobs`` and ``pixelflow job``."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelflow.cli.options import LOCAL_URL, JsonOption, UrlOption

if TYPE_CHECKING:
    from pixelflow.client import Job

StatusOption = Annotated[str | None, typer.Option(help="Only those in this state.")]
TemplateOption = Annotated[str | None, typer.Option(help="Only those of this template, or NAME@VERSION.")]
AfterOption = Annotated[datetime | None, typer.Option(help="Only those created after this moment, in UTC.")]
BeforeOption = Annotated[datetime | None, typer.Option(help="Only those created before this moment, in UTC.")]
MetadataOption = Annotated[
    list[str] | None,
    typer.Option("--metadata", "-m", metavar="KEY=VALUE", help="Only those with this; repeatable."),
]


def jobs(
    status: StatusOption = None,
    template: TemplateOption = None,
    created_after: AfterOption = None,
    created_before: BeforeOption = None,
    metadata: MetadataOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many.")] = 50,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """List jobs on a running server, newest first."""
    import json
    from itertools import islice

    from pixelflow.cli.remote import talking
    from pixelflow.cli.screen import show

    where = filters(status, template, created_after, created_before, metadata)
    with talking(url) as client:
        found = [handle.job for handle in islice(client.jobs(**where), limit)]
    if as_json:
        typer.echo(json.dumps([document(job) for job in found]))
        return
    show(("id", "status", ">progress", "created", "error"), [_row(job) for job in found])


def job(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job.")],
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Show one job."""
    import json

    from pixelflow.cli.remote import talking
    from pixelflow.cli.screen import show

    with talking(url) as client:
        found = document(client.job(job_id).job)
    if as_json:
        typer.echo(json.dumps(found))
        return
    rows = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in found.items()]
    show(("", ""), [(name, text) for name, text in rows if text not in {"null", "{}", "[]"}])


def filters(
    status: str | None,
    template: str | None,
    created_after: datetime | None,
    created_before: datetime | None,
    metadata: list[str] | None,
) -> dict[str, Any]:
    """What was given of them, as the client takes it; raises Mistake."""
    from pixelflow.cli.mistakes import Mistake

    pairs = {}
    for text in metadata or []:
        key, equals, value = text.partition("=")
        if not equals:
            raise Mistake(f"--metadata takes KEY=VALUE, not {text!r}")
        pairs[key] = value
    given = {
        "status": status,
        "template": template,
        "created_after": created_after,
        "created_before": created_before,
        "metadata": pairs or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def document(job: "Job") -> Mapping[str, Any]:
    """A job as JSON has it."""
    from dataclasses import asdict

    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(job).items()
    }


def _row(job: "Job") -> tuple[str, ...]:
    created = "" if job.created_at is None else f"{job.created_at:%Y-%m-%d %H:%M:%S}"
    error = "" if job.error is None else f"{job.error.code}: {job.error.message}"
    return job.id, job.status, f"{job.progress} %", created, error
