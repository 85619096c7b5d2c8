"""A server's address, as a caller writes it."""

from ipaddress import ip_address

import httpx

from pixelflow.client.exchange import Endpoint, Retries

DEFAULT_URL = "http://127.0.0.1:8080"


def endpoint(url: str, token: str | None, timeout_seconds: float, retries: Retries) -> Endpoint:
    """Raises ValueError for what is no http address."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url!r} is not a URL: {error}") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError(f"{url!r} is not an http or https URL, as {DEFAULT_URL} is")
    return Endpoint(url.rstrip("/"), token, timeout_seconds, retries)


def through_proxies(url: str) -> bool:
    """Whether the environment's proxies may carry this: none can reach this machine's own loopback."""
    host = httpx.URL(url).host
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
