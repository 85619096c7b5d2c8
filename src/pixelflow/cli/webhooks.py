"""``pixelflow webhooks``."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelflow.cli.options import LOCAL_URL, JsonOption, UrlOption

if TYPE_CHECKING:
    from pixelflow.client import Webhook, WebhookDelivery

WebhookArgument = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id, ep_….")]
DeliveryArgument = Annotated[str, typer.Argument(metavar="DELIVERY", help="Its id, dlv_….")]

webhooks = typer.Typer(
    name="webhooks",
    help="Who a running server tells of events, and what was sent.",
    no_args_is_help=True,
)


@webhooks.command("list")
def list_webhooks(url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """All registered receivers."""
    from pixelflow.cli.remote import talking
    from pixelflow.cli.screen import show

    with talking(url) as client:
        found = client.webhooks.list()
    if as_json:
        _print([_shown(each) for each in found])
        return
    rows = [
        (each.id, each.url, ", ".join(each.events), each.status, each.reason or each.description or "")
        for each in found
    ]
    show(("id", "url", "events", "status", ""), rows)


@webhooks.command()
def add(
    receiver: Annotated[str, typer.Argument(metavar="URL", help="Where to send, by https.")],
    event: Annotated[
        list[str] | None, typer.Option("--event", "-e", help="An event type; repeatable; by default all.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Register a receiver; its secret is shown this once."""
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        _secret(client.webhooks.add(receiver, events=event, description=description), as_json)


@webhooks.command()
def remove(webhook: WebhookArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """Send nothing more to a receiver."""
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        client.webhooks.remove(webhook)
    _say({"removed": webhook}, f"{webhook} is removed", as_json)


@webhooks.command()
def rotate(
    webhook: Annotated[
        str | None, typer.Argument(metavar="WEBHOOK", help="Its id; without, that of jobs' own URLs.")
    ] = None,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Replace a secret; the former one signs beside the new one for a while."""
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        if webhook is not None:
            _secret(client.webhooks.rotate(webhook), as_json)
        else:
            secret = client.webhooks.rotate_secret().secret
            _say({"secret": secret}, secret, as_json)


@webhooks.command()
def secret(url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """What signs for the webhook_url of jobs."""
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        found = client.webhooks.secret().secret
    _say({"secret": found}, found, as_json)


@webhooks.command("test")
def send_test(
    webhook: WebhookArgument,
    timeout_seconds: Annotated[float, typer.Option(help="How long to wait for what comes of it.")] = 30.0,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Have a test event sent, and tell what came of the first try."""
    import time

    from pixelflow.cli.mistakes import FAILED
    from pixelflow.cli.remote import talking

    end = time.monotonic() + timeout_seconds
    with talking(url) as client:
        sent = client.webhooks.test(webhook)
        while not sent.attempts and time.monotonic() < end:
            time.sleep(0.1)
            sent = client.webhooks.delivery(sent.id)
    _say(_shown(sent), f"{sent.id} {sent.status}: {_came(sent)}", as_json)
    if sent.status != "delivered":
        raise typer.Exit(FAILED)


@webhooks.command()
def enable(webhook: WebhookArgument, url: UrlOption = LOCAL_URL, as_json: JsonOption = False) -> None:
    """Send to a receiver again that was disabled."""
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        found = client.webhooks.enable(webhook)
    _say(_shown(found), f"{found.id} is {found.status}", as_json)


@webhooks.command()
def deliveries(
    webhook: Annotated[str | None, typer.Option(metavar="WEBHOOK", help="To this receiver.")] = None,
    job: Annotated[str | None, typer.Option(metavar="ID", help="Of this job.")] = None,
    status: Annotated[str | None, typer.Option(help="pending, delivered or dead.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """What was sent, newest first."""
    from itertools import islice

    from pixelflow.cli.remote import talking
    from pixelflow.cli.screen import show

    with talking(url) as client:
        log = client.webhooks.deliveries(webhook_id=webhook, job_id=job, status=status)
        found = list(islice(log, limit))
    if as_json:
        _print([_shown(each) for each in found])
        return
    rows = [
        (each.id, each.type, each.job_id or "", each.url, each.status, str(each.attempts), _came(each))
        for each in found
    ]
    show(("id", "type", "job", "url", "status", ">tries", "last"), rows)


@webhooks.command()
def delivery(delivery: DeliveryArgument, url: UrlOption = LOCAL_URL) -> None:
    """One delivery with every try and its payload, as JSON."""
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        _print(_shown(client.webhooks.delivery(delivery)), indent=2)


@webhooks.command()
def redeliver(
    which: Annotated[str, typer.Argument(metavar="ID", help="A delivery, or with --since a receiver.")],
    since: Annotated[
        datetime | None, typer.Option(help="All that the receiver was sent since then; UTC.")
    ] = None,
    status: Annotated[str | None, typer.Option(help="With --since: only delivered or dead ones.")] = None,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Send a delivery again, or all of a receiver's since a time."""
    from pixelflow.cli.remote import talking

    with talking(url) as client:
        if since is None:
            found = client.webhooks.redeliver(which)
            _say(_shown(found), f"{found.id} is {found.status}", as_json)
        else:
            count = client.webhooks.redeliver_since(which, since, status=status)
            _say({"count": count}, f"{count} are sent again", as_json)


def _came(delivery: "WebhookDelivery") -> str:
    if delivery.error:
        return delivery.error
    return "not tried yet" if delivery.response_status is None else f"answered {delivery.response_status}"


def _secret(webhook: "Webhook", as_json: bool) -> None:
    _say(_shown(webhook), f"{webhook.id}\n{webhook.secret}", as_json)


def _say(document: Any, words: str, as_json: bool) -> None:
    if as_json:
        _print(document)
    else:
        typer.echo(words)


def _print(document: Any, indent: int | None = None) -> None:
    import json

    typer.echo(json.dumps(document, ensure_ascii=False, default=datetime.isoformat, indent=indent))


def _shown(found: "Webhook | WebhookDelivery") -> dict[str, Any]:
    from dataclasses import asdict

    return {name: value for name, value in asdict(found).items() if value not in ((), {}, None)}
