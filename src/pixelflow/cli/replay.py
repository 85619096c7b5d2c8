"""``pixelflow replay`` and ``pixelflow manifest``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelflow.cli.options import LOCAL_URL, JsonOption, UrlOption

if TYPE_CHECKING:
    from pixelflow.client import Client, ComparedOutput, Comparison

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]


def replay(
    job: JobArgument,
    url: UrlOption = LOCAL_URL,
    timeout_seconds: Annotated[float, typer.Option(help="How long to wait for the new job to end.")] = 300.0,
    as_json: JsonOption = False,
) -> None:
    """Run an ended job again, and compare what comes out.

    The exit code is 0 when every output is the same byte for byte, and 1 otherwise. Where one differs, its
    size and the PSNR of the pixels tell by how much, and which versions of the software differ tells why.
    """
    import json

    from pixelflow.cli.remote import talking
    from pixelflow.cli.screen import progress

    with talking(url) as client, progress("never" if as_json else "terminal") as bar:
        task = bar.add_task(f"replaying {job}", total=100)
        again = client.job(job).replay()
        again.result(
            timeout_seconds=timeout_seconds, on_progress=lambda now: bar.update(task, completed=now.progress)
        )
        bar.update(task, completed=100)
        found = again.comparison()
        apart = {each.id: _psnr(client, each.id, job, again.id) for each in found.outputs if not each.equal}
    if as_json:
        typer.echo(json.dumps(_document(found, apart), indent=2))
    else:
        _table(found, apart)
    raise typer.Exit(not found.equal)


def manifest(job: JobArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """Tell what a job's outputs were made of and with."""
    import json
    from dataclasses import asdict

    from pixelflow.cli.remote import talking
    from pixelflow.cli.screen import duration, show

    with talking(url) as client:
        found = client.job(job).manifest()
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2, default=lambda at: at.isoformat()))
        return
    versions = found.software.get("versions", {})
    rows = [("source", found.source.get("sha256") or "–"), ("pipeline", found.pipeline.get("sha256", "–"))]
    rows += [(each["id"], each["sha256"]) for each in found.outputs]
    rows += [(f"seconds in {name}", duration(seconds)) for name, seconds in found.seconds.items()]
    rows += [(name, str(version)) for name, version in versions.items()]
    show(("", ""), rows)


def _psnr(client: "Client", step: str, *jobs: str) -> float | None:
    """Of the pixels, as far as both files are there and are pictures."""
    from pixelflow.client import ClientError, JobOutput
    from pixelflow.imaging.comparison import psnr

    files = []
    for job in jobs:
        facts = [output for output in client.job(job).job.outputs if output.id == step]
        try:
            files += [JobOutput(client, job, each).bytes() for each in facts]
        except ClientError:
            return None
    return psnr(*files) if len(files) == len(jobs) else None


def _document(found: "Comparison", apart: dict[str, float | None]) -> dict[str, Any]:
    from dataclasses import asdict
    from math import isinf

    document = asdict(found)
    for each in document["outputs"]:
        decibels = apart.get(each["id"])
        same = decibels is not None and isinf(decibels)
        each["same_pixels"] = each["equal"] or same
        each["psnr_decibels"] = None if same or decibels is None else round(decibels, 2)
    return document


def _table(found: "Comparison", apart: dict[str, float | None]) -> None:
    from pixelflow.cli.screen import show, weight

    def size(side: Any) -> str:
        return weight(side["bytes"]) if side else "–"

    def distance(each: "ComparedOutput") -> str:
        decibels = apart.get(each.id)
        return "" if each.equal else "–" if decibels is None else f"{decibels:.1f} dB"

    rows = [
        (each.id, "same" if each.equal else "differs", size(each.original), size(each.replay), distance(each))
        for each in found.outputs
    ]
    show(("step", "", ">original", ">replay", ">PSNR"), rows)
    if found.software:
        typer.echo()
        changed = [(name, str(old), str(new)) for name, (old, new) in found.software.items()]
        show(("software", "original", "replay"), changed)
