"""A server's address, as a caller writes it."""

from ipaddress import ip_address

import httpx

from pixelflow.client.exchange import Endpoint, Retries

DEFAULT_URL = "http://127.0.0.1:8080"


def endpoint(
    url: str,
    token: str | None,
    timeout_seconds: float,
    tries: int,
    backoff_seconds: float,
    max_backoff_seconds: float,
) -> Endpoint:
    """Raises ValueError for what is no http address, or for no try at all."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url!r} is not a URL: {error}") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError(f"{url!r} is not an http or https URL, as {DEFAULT_URL} is")
    if tries < 1:
        raise ValueError(f"tries is {tries}; at least 1 is needed")
    return Endpoint(
        url.rstrip("/"), token, timeout_seconds, Retries(tries, backoff_seconds, max_backoff_seconds)
    )


def through_proxies(url: str) -> bool:
    """Whether the environment's proxies may carry this: none can reach this machine's own loopback."""
    host = httpx.URL(url).host
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
