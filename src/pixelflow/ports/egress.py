"""What leaves for other machines: pictures fetched from them, outputs and webhooks sent to them."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said: its headers in lower case, and as many bytes of its body as were asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer whose body is still coming in ``chunks``; ``headers`` in lower case."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Egress(Protocol):
    """HTTP to addresses that callers name.

    Every address that a name resolves to is checked before it is connected to, and that very address is
    connected to. Raises EgressRefused for a URL or an address that is not allowed, OSError for a receiver
    that cannot be reached, breaks off, or takes longer than ``timeout_seconds`` in all.
    """

    async def check(self, url: str) -> None:
        """Raises EgressRefused for a URL that could not be called now; a name that does not resolve passes,
        since it may later."""

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
        """Send once; a redirect is an answer like any other."""

    def fetch(
        self, url: str, headers: Mapping[str, str], *, timeout_seconds: float
    ) -> AbstractAsyncContextManager[Fetched]:
        """GET; follows as many redirects as the adapter was made for, each checked again."""

    async def close(self) -> None: ...
