"""The ways to other machines."""

from pixelflow import __version__
from pixelflow.adapters.egress.http import HttpEgress
from pixelflow.adapters.egress.rules import Rules
from pixelflow.ports.egress import Egress
from pixelflow.settings.egress import EgressSettings


def open_egress(given: EgressSettings, *, plain_http: bool) -> Egress:
    """By https, and by plain http too where that is allowed; EGRESS_ALLOW opens both to its networks."""
    return HttpEgress(
        Rules(given.networks, given.ports, plain_http),
        given.egress_connect_seconds,
        given.fetch_redirects,
        agent=f"PixelFlow/{__version__}",
    )
