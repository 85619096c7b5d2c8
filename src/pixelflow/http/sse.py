"""Server-sent events (HTML Living Standard, 9.2)."""

from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse

from pixelflow.control.follow import News
from pixelflow.domain.errors import MalformedRequest
from pixelflow.http.exchange import Exchange
from pixelflow.http.view import encode, job_view, output_view

HEARTBEAT = b": heartbeat\n\n"
MEDIA_TYPE = "text/event-stream"
RETRY = b"retry: 2000\n\n"


def last_event_id(exchange: Exchange) -> int | None:
    """Where a returning listener left off; raises MalformedRequest."""
    raw = (exchange.header(b"last-event-id") or b"").strip()
    if not raw:
        return None
    if not raw.isdigit() or len(raw) > 18:
        raise MalformedRequest("Last-Event-ID must be the id of an event", code="malformed_event_id")
    return int(raw)


async def stream(first: News | None, rest: AsyncIterator[News | None], base: str) -> StreamingResponse:
    """The news as an answer; ``first`` was taken already, to learn whether there is anything to tell of."""

    async def events() -> AsyncIterator[bytes]:
        yield RETRY
        if first is not None:
            yield event(first, base)
        async for news in rest:
            yield HEARTBEAT if news is None else event(news, base)

    headers = {"cache-control": "no-store", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}
    return StreamingResponse(events(), headers=headers, media_type=MEDIA_TYPE)


def event(news: News, base: str) -> bytes:
    """``job.updated`` for a snapshot, progress or a change; ``output.ready``; ``job.<state>`` for an end;
    ``batch.completed``."""
    if news.job and news.output:
        name = "output.ready"
        data = encode(output_view(news.job, news.output, base))
    elif news.batch is not None:
        name, data = "batch.completed", news.batch.encode()
    elif news.job is None:
        name = "job.deleted"
        data = encode({"id": news.job_id, "job_id": news.job_id, "status": "deleted"})
    else:
        name = f"job.{news.job.state}" if news.ended else "job.updated"
        data = encode(job_view(news.job, base, news.progress))
    number = f"id: {news.sequence}\n" if news.sequence else ""
    return f"event: {name}\n{number}data: ".encode() + data + b"\n\n"
