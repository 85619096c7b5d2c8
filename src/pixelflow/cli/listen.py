"""``pixelflow listen``."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelflow.cli.options import LOCAL_URL, JsonOption, UrlOption

if TYPE_CHECKING:
    import httpx

    from pixelflow.client.listening import Heard

TYPES = {
    "job.completed": "job.completed",
    "job.failed": "job.failed",
    "job.quarantined": "job.failed",
    "job.cancelled": "job.cancelled",
    "output.ready": "output.ready",
    "batch.completed": "batch.completed",
}
"""The events of the stream that webhooks tell of, and their types there."""


def listen(
    forward_to: Annotated[
        str, typer.Option("--forward-to", metavar="URL", help="Where to post each event, as a webhook.")
    ],
    job: Annotated[str | None, typer.Option(metavar="ID", help="Of this job only, until it ends.")] = None,
    secret: Annotated[
        str | None,
        typer.Option(
            envvar="PIXELFLOW_WEBHOOK_SECRET",
            help="What signs; by default the secret of jobs' own webhook URLs.",
            show_envvar=True,
        ),
    ] = None,
    timeout_seconds: Annotated[float, typer.Option(help="How long the receiver may take.")] = 15.0,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Receive webhooks on a machine without a public address: events are fetched and posted from here."""
    import httpx

    from pixelflow.cli.mistakes import Mistake
    from pixelflow.cli.remote import talking
    from pixelflow.client.listening import follow
    from pixelflow.domain import signature

    if not forward_to.startswith(("http://", "https://")):
        raise Mistake(f"--forward-to is {forward_to!r}; it is an http or https URL")

    def broke(cause: str) -> None:
        typer.echo(f"the connection broke ({cause}); trying again", err=True)

    with talking(url) as client, httpx.Client(timeout=timeout_seconds, trust_env=False) as http:
        signing = secret or client.webhooks.secret().secret
        try:
            signature.sign(signing, "", "", b"")
        except ValueError as error:
            raise Mistake(f"this is no webhook secret: {error}") from None
        typer.echo(f"listening at {url}, posting to {forward_to}; Ctrl-C ends it", err=True)
        try:
            for heard in follow(client.server, job, broke):
                if heard.name in TYPES:
                    _report(heard, _posted(http, forward_to, signing, heard), as_json)
        except KeyboardInterrupt:
            return


def _posted(http: "httpx.Client", forward_to: str, secret: str, heard: "Heard") -> dict[str, Any]:
    import json
    import time
    from uuid import NAMESPACE_URL, uuid5

    import httpx

    from pixelflow.domain import signature

    data = heard.data
    at = data.get("finished_at") or data.get("ready_at") or datetime.now(UTC).isoformat()
    told = {"type": TYPES[heard.name], "timestamp": at, "sequence": heard.sequence, "data": data}
    body = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    # The same event has the same id, however often it comes.
    name = "/".join(str(data.get(key)) for key in ("job_id", "id", "sha256", "attempt", "finished_at"))
    message_id = f"msg_{uuid5(NAMESPACE_URL, heard.name + name)}"
    headers = signature.headers([secret], message_id, int(time.time()), body)
    begun = time.perf_counter()
    try:
        answer = http.post(forward_to, content=body, headers={"content-type": "application/json", **headers})
    except httpx.HTTPError as error:
        return {"status": None, "error": str(error) or type(error).__name__, "id": message_id}
    return {"status": answer.status_code, "seconds": time.perf_counter() - begun, "id": message_id}


def _report(heard: "Heard", outcome: dict[str, Any], as_json: bool) -> None:
    import json

    job_id = heard.data.get("job_id") or heard.data.get("id")
    if as_json:
        typer.echo(json.dumps({"type": TYPES[heard.name], "job_id": job_id, **outcome}))
        return
    seconds = outcome.get("seconds")
    came = outcome["error"] if seconds is None else f"{outcome['status']} in {seconds * 1000:.0f} ms"
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    typer.echo(f"{now} {TYPES[heard.name]:<15} {job_id or heard.data.get('id')} → {came}")
