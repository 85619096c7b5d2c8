"""The role that sends webhooks."""

from pixelflow.bootstrap.shared import Shared
from pixelflow.control.dispatcher import Dispatcher, Pace
from pixelflow.http.shapes.webhooks import payload
from pixelflow.settings import Settings


def build_dispatcher(settings: Settings, shared: Shared) -> Dispatcher:
    """Links in payloads begin with PUBLIC_URL."""
    given = settings.webhooks
    base = (settings.http.public_url or "").rstrip("/")
    return Dispatcher(
        shared.store.webhooks,
        shared.sending,
        lambda message: payload(message, base),
        Pace(
            given.webhook_timeout_seconds,
            given.webhook_in_flight,
            given.webhook_receiver_in_flight,
            given.schedule,
            given.webhook_disable_seconds,
        ),
        shared.owner,
        shared.metrics.webhook,
    )
