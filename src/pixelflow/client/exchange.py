"""One call of the API, with its retries, as a generator: it yields what to do and gets back what came of it.

The generator touches no socket, so the same code serves the sync and the async client.
"""

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from random import SystemRandom
from typing import Any, Protocol, TypeAlias, TypeVar

import httpx

from pixelflow import __version__
from pixelflow.client.errors import ApiError, Unreachable
from pixelflow.client.picture import Part
from pixelflow.domain.retry_after import asked_seconds

TRANSIENT = frozenset({429, 502, 503, 504})
"""Statuses after which the same request may go well a little later."""


class Sink(Protocol):
    """Where a download goes; ``reset`` forgets what an earlier try wrote."""

    def reset(self) -> None: ...

    def write(self, chunk: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Send:
    """Send this; the answer is the response, read whole, or what broke; a success goes into ``sink``."""

    request: httpx.Request
    sink: Sink | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


Effect = Send | Pause
Answer = httpx.Response | httpx.TransportError | None
T = TypeVar("T")
Call: TypeAlias = Generator[Effect, Answer, T]


@dataclass(frozen=True, slots=True)
class Retries:
    """At most ``tries`` sends; between them up to ``backoff_seconds``, doubled each time, or ``Retry-After``.

    Full jitter, as in Brooker, "Exponential Backoff And Jitter" (2015). A ``Retry-After`` beyond
    ``max_backoff_seconds`` ends the tries at once.
    """

    tries: int = 5
    backoff_seconds: float = 0.25
    max_backoff_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise ValueError(f"tries is {self.tries}; at least 1 is needed")

    def pause(self, tried: int, retry_after: float | None) -> float | None:
        """How long to wait after that many tries, in seconds; ``None`` to give up."""
        if tried >= self.tries:
            return None
        if retry_after is not None:
            return retry_after if retry_after <= self.max_backoff_seconds else None
        return SystemRandom().uniform(
            0, min(self.max_backoff_seconds, self.backoff_seconds * 2 ** (tried - 1))
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server, and how it is spoken to."""

    url: str
    token: str | None
    timeout_seconds: float
    retries: Retries

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        fields: Mapping[str, str] | None = None,
        document: Any = None,
        file: Part | None = None,
        key: str | None = None,
        sink: Sink | None = None,
        patience_seconds: float = 0.0,
        deadline: float | None = None,
        again: Callable[[int], bool] = frozenset[int]().__contains__,
    ) -> Call[httpx.Response]:
        """Send until it is answered; raises ApiError and Unreachable.

        ``patience_seconds`` is how long the server was asked to hold the answer back; no try begins after
        ``deadline``, a monotonic time. ``again`` tells of a status whether, in answer to a request that was
        sent before, it means that the earlier one did its work.
        """
        headers = {"User-Agent": f"pixelflow-client/{__version__}", "Accept-Encoding": "identity"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        if file:
            # The boundary is the key, so that a request sent again is the same to the byte.
            headers["Content-Type"] = f"multipart/form-data; boundary={key}"
        # Many long polls may share few connections: waiting for a free one is no fault of the server's.
        limit = httpx.Timeout(self.timeout_seconds, read=self.timeout_seconds + patience_seconds, pool=None)
        tried = 0
        while True:
            if sink:
                sink.reset()
            request = httpx.Request(
                method,
                self.url + path,
                params=params,
                headers=headers,
                data=fields,
                json=document,
                files={"file": (file.name, file.stream)} if file else None,
                extensions={"timeout": limit.as_dict()},
            )
            answer = yield Send(request, sink)
            tried += 1
            if isinstance(answer, httpx.Response):
                if answer.is_success or (tried > 1 and again(answer.status_code)):
                    return answer
                after = asked_seconds(answer.headers.get("Retry-After"), time.time())
                error: ApiError | Unreachable = ApiError.of(answer, after)
                # A key's first request is still being worked on: its answer comes under the same key.
                running = answer.status_code == 409 and key is not None and after is not None
                passes = running or answer.status_code in TRANSIENT
            else:
                error = Unreachable(self.url, tried, str(answer) or type(answer).__name__)
                after, passes = None, True
            pause = self.retries.pause(tried, after) if passes else None
            if pause is None or (deadline is not None and time.monotonic() + pause > deadline):
                raise error
            yield Pause(pause)
