"""The server's event stream (server-sent events, HTML Living Standard 9.2), followed across broken lines."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from pixelflow.client.address import through_proxies
from pixelflow.client.errors import ApiError, Unreachable
from pixelflow.client.exchange import TRANSIENT, Endpoint

SILENCE_SECONDS = 60.0
"""A stream that says nothing for so long, not even a heartbeat, is broken."""
PAUSE_SECONDS = 1.0
ENDS = ("job.completed", "job.failed", "job.cancelled", "job.quarantined", "job.deleted")


@dataclass(frozen=True, slots=True)
class Heard:
    """One event: ``sequence`` is where to resume, 0 for what is not stored."""

    name: str
    sequence: int
    data: dict[str, Any]


def follow(
    server: Endpoint, job_id: str | None, on_break: Callable[[str], object] = lambda cause: None
) -> Iterator[Heard]:
    """Every event of the tenant's jobs, or of one until its end, resumed where a connection broke.

    ``on_break`` is told what broke it. Raises Unreachable when the first connection fails, ApiError for a
    refusal.
    """
    path = f"/v1/jobs/{quote(job_id, safe='')}/events" if job_id else "/v1/events"
    last: int | None = None
    with httpx.Client(trust_env=through_proxies(server.url)) as http:
        while True:
            try:
                with _open(http, server, path, last) as answer:
                    if answer.status_code == 204:  # the job ended, and its end was told
                        return
                    last = last or 0
                    for heard in _events(answer):
                        last = max(last, heard.sequence)
                        yield heard
                        if job_id and heard.name in ENDS:
                            return
                cause = "the server ended the stream"
            except httpx.TransportError as broken:
                cause = str(broken) or type(broken).__name__
                if last is None:
                    raise Unreachable(server.url, 1, cause) from broken
            except ApiError as refused:
                if last is None or refused.status not in TRANSIENT:
                    raise
                cause = refused.detail
            on_break(cause)
            time.sleep(PAUSE_SECONDS)


@contextmanager
def _open(http: httpx.Client, server: Endpoint, path: str, last: int | None) -> Iterator[httpx.Response]:
    headers = {"Accept": "text/event-stream"}
    if server.token:
        headers["Authorization"] = f"Bearer {server.token}"
    if last is not None:
        headers["Last-Event-ID"] = str(last)
    limit = httpx.Timeout(server.timeout_seconds, read=SILENCE_SECONDS)
    with http.stream("GET", server.url + path, headers=headers, timeout=limit) as answer:
        if not answer.is_success:
            answer.read()
            raise ApiError.of(answer)
        yield answer


def _events(answer: httpx.Response) -> Iterator[Heard]:
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line:
            if "event" in fields:
                yield Heard(fields["event"], int(fields.get("id", "0")), json.loads(fields["data"]))
            fields = {}
