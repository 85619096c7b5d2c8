"""HTTP to addresses that callers name, over httpcore: nothing of the environment, no proxy, no cookie."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property

import certifi
import httpcore
import httpx

from pixelflow.adapters.egress.network import CheckedNetwork, Resolve, system_resolve
from pixelflow.adapters.egress.rules import Rules
from pixelflow.domain.errors import EgressRefused
from pixelflow.ports.egress import Answer, Fetched

MAX_URL_LENGTH = 2048
CONNECTIONS = 256
"""Open at once, to all receivers together."""
IDLE_CONNECTIONS = 32
IDLE_SECONDS = 15.0
HOST = re.compile(rb"[a-z0-9._:-]+")
"""A name in its ASCII form, or an address without a zone."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class HttpEgress:
    """An Egress that connects by ``rules`` and follows at most ``redirects`` of them.

    Headers that a caller gave go to the origin that they were meant for alone: a redirect to another one
    leaves them behind.
    """

    rules: Rules
    connect_seconds: float = 5.0
    redirects: int = 0
    agent: str = "PixelFlow"
    resolve: Resolve = system_resolve
    tls: ssl.SSLContext | None = None
    """By default one that trusts the system's authorities and certifi's."""
    _pools: dict[bool, httpcore.AsyncConnectionPool] = field(default_factory=dict, init=False)

    async def check(self, url: str) -> None:
        target = read_url(url)
        with suppress(OSError):
            await self._network(_secure(target)).addresses(target.host, _port(target))

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes],
        *,
        timeout_seconds: float,
        max_answer_bytes: int,
    ) -> Answer:
        target = read_url(url)
        async with (
            _limited(target, timeout_seconds),
            self._answer(method, target, headers, body) as answer,
        ):
            content = bytearray()
            async for chunk in answer.aiter_stream():
                content += chunk
                if len(content) >= max_answer_bytes:
                    break
            return Answer(answer.status, _lowered(answer), bytes(content[:max_answer_bytes]))

    @asynccontextmanager
    async def fetch(
        self, url: str, headers: Mapping[str, str], *, timeout_seconds: float
    ) -> AsyncIterator[Fetched]:
        target = read_url(url)
        async with _limited(target, timeout_seconds):
            for _ in range(self.redirects + 1):
                async with self._answer("GET", target, headers) as answer:
                    given = _lowered(answer)
                    if answer.status not in REDIRECTS or "location" not in given:
                        yield Fetched(answer.status, given, answer.aiter_stream())
                        return
                following = _joined(target, given["location"])
                if _origin(following) != _origin(target):
                    headers = {}
                target = following
        raise EgressRefused(
            f"{read_url(url).host} redirects more than {self.redirects} times; "
            "FETCH_REDIRECTS sets how many are followed",
            setting="FETCH_REDIRECTS",
        )

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        target: httpx.URL,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes] | None = None,
    ) -> AsyncIterator[httpcore.Response]:
        own = {
            "host": target.netloc.decode("ascii"),
            "user-agent": self.agent,
            "accept": "*/*",
            "accept-encoding": "identity",
        }
        sent = {**own, **{name.lower(): value for name, value in headers.items()}}
        async with self._pool(_secure(target)).stream(
            method,
            str(target),
            headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in sent.items()],
            content=aiter(body) if isinstance(body, AsyncIterable) else body,
        ) as answer:
            yield answer

    def _network(self, secure: bool) -> CheckedNetwork:
        return CheckedNetwork(self.rules, secure, self.connect_seconds, self.resolve)

    def _pool(self, secure: bool) -> httpcore.AsyncConnectionPool:
        if secure not in self._pools:
            self._pools[secure] = httpcore.AsyncConnectionPool(
                ssl_context=self._trusted if secure else None,
                max_connections=CONNECTIONS,
                max_keepalive_connections=IDLE_CONNECTIONS,
                keepalive_expiry=IDLE_SECONDS,
                network_backend=self._network(secure),
            )
        return self._pools[secure]

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        if self.tls is not None:
            return self.tls
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
        return context


def read_url(url: str) -> httpx.URL:
    """An absolute URL without credentials and fragment; raises EgressRefused."""
    try:
        if len(url) > MAX_URL_LENGTH or not url.isprintable() or " " in url:
            raise EgressRefused(f"a URL has at most {MAX_URL_LENGTH} characters, all of them printable")
        found = httpx.URL(url)
        _ = found.host  # raises for a name that is no A-label (RFC 5890, 2.3.2.1)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise EgressRefused("this is no URL that can be called") from error
    if found.scheme not in {"http", "https"}:
        raise EgressRefused("only http and https URLs are called", value=found.scheme)
    if found.userinfo:
        raise EgressRefused("a URL must not contain credentials; send them in a header")
    if not HOST.fullmatch(found.raw_host) or not 0 < _port(found) < 65536:
        raise EgressRefused("the URL names no host that can be called")
    return found.copy_with(fragment=None)


def _joined(base: httpx.URL, location: str) -> httpx.URL:
    try:
        return read_url(str(base.join(location)))
    except httpx.InvalidURL as error:
        raise EgressRefused(f"{base.host} redirects to what is no URL") from error


def _secure(target: httpx.URL) -> bool:
    return target.scheme == "https"


def _port(target: httpx.URL) -> int:
    return (443 if _secure(target) else 80) if target.port is None else target.port


def _origin(target: httpx.URL) -> tuple[str, bytes, int]:
    return target.scheme, target.raw_host, _port(target)


def _lowered(answer: httpcore.Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in answer.headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


@asynccontextmanager
async def _limited(target: httpx.URL, seconds: float) -> AsyncIterator[None]:
    """Ends what is inside after that long; httpcore's errors become OSErrors that tell the host alone."""
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError:
        if limit.expired():
            raise TimeoutError(f"{target.host} did not answer in full within {seconds:g} s") from None
        raise
    except httpcore.TimeoutException as error:
        raise TimeoutError(f"{target.host} cannot be reached in time") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise ConnectionError(
            f"the exchange with {target.host} broke off ({type(error).__name__})"
        ) from error
