"""The one ASGI application: hot calls here, everything else in FastAPI, which is built in the background."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from time import perf_counter

import structlog

from pixelflow.domain.errors import StartupError
from pixelflow.http.body import linger
from pixelflow.http.download import get_output
from pixelflow.http.errors import Disconnected, HeadersTooLarge, refusal
from pixelflow.http.exchange import Exchange
from pixelflow.http.services import Message, Receive, Scope, Send, Services
from pixelflow.http.submission import post_job
from pixelflow.http.uploads import put_upload
from pixelflow.http.waiting import get_job
from pixelflow.operations.registry import operations

log = structlog.get_logger()

MAX_HEADER_BYTES = 32 * 1024
CLOSED_BY_CLIENT = 499
"""The status that metrics show for a request whose client went away."""
HEALTHY = b'{"status":"ok"}'
Handler = Callable[..., Awaitable[None]]


class App:
    """Dispatches, counts, and turns errors into problem documents."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rest: Future[Callable[[Scope, Receive, Send], Awaitable[None]]] = Future()
        threading.Thread(target=self._build, name="fastapi", daemon=True).start()

    def _build(self) -> None:
        try:
            from pixelflow.http.api import build_api

            self._rest.set_result(build_api(self._services))
        except Exception as error:
            log.critical("the calls beside the hot ones cannot be built", exc_info=error)
            self._rest.set_result(_unbuilt)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if scope["type"] != "http":
            return
        began = perf_counter()
        status = 0
        request_id = os.urandom(8).hex()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode()))
            await send(message)

        route = ""
        exchange = scope["exchange"] = Exchange(self._services, scope, receive, noting, request_id)
        structlog.contextvars.bind_contextvars(request=request_id)
        try:
            check_headers(scope)
            handler, route, ids = match(scope["method"], scope["path"])
            if handler is None:
                await self._others(scope, receive, noting)
            else:
                await handler(exchange, *ids)
        except Disconnected as error:
            if not status:
                # Who closed only its own half still reads.
                await exchange.problem(refusal(error))
                status = CLOSED_BY_CLIENT
        except Exception as error:  # noqa: BLE001 - the outermost place
            await self._refuse(exchange, error, begun=bool(status))
        finally:
            exchange.release()
            if not route:
                found = scope.get("route")
                route = getattr(found, "path", "unmatched")
            self._services.observe(scope["method"], route, status, perf_counter() - began)
        if status >= 400:
            await linger(exchange)

    async def _others(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._rest.done():
            await self._rest.result()(scope, receive, send)
        else:
            await (await asyncio.wrap_future(self._rest))(scope, receive, send)

    @staticmethod
    async def _refuse(exchange: Exchange, error: Exception, *, begun: bool) -> None:
        found = refusal(error)
        if found.status >= 500:
            log.error("request failed", path=exchange.scope["path"], code=found.code, exc_info=error)
        if begun and exchange.scope.get("answered"):
            return
        if begun:
            # The answer's head is out: cutting the connection is the only way to say that it is not whole.
            raise error
        await exchange.problem(found)


def check_headers(scope: Scope) -> None:
    """Raises HeadersTooLarge."""
    size = len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    if size > MAX_HEADER_BYTES:
        raise HeadersTooLarge(
            f"the headers and the query have {size} bytes, more than {MAX_HEADER_BYTES}",
            limit=MAX_HEADER_BYTES,
        )


def match(method: str, path: str) -> tuple[Handler | None, str, tuple[str, ...]]:
    """The hot call's handler, its route's template and the ids in the path; no handler for all others."""
    if path.startswith("/v1/jobs"):
        if path == "/v1/jobs":
            if method == "POST":
                return post_job, "/v1/jobs", ()
            return _NONE
        match path.split("/")[3:]:
            case [job_id] if method == "GET" and job_id not in {"", "bulk"}:
                return get_job, "/v1/jobs/{job_id}", (job_id,)
            case [job_id, "outputs", step] if job_id and step and method in {"GET", "HEAD"}:
                return get_output, "/v1/jobs/{job_id}/outputs/{step}", (job_id, step)
    elif path == "/healthz":
        if method in {"GET", "HEAD"}:
            return healthy, "/healthz", ()
    elif path.startswith("/v1/uploads/") and method == "PUT" and path.count("/") == 3:
        return put_upload, "/v1/uploads/{job_id}", (path[12:],)
    return _NONE


_NONE: tuple[None, str, tuple[str, ...]] = (None, "", ())


async def _unbuilt(scope: Scope, receive: Receive, send: Send) -> None:
    raise StartupError("this part of the API could not be built")


async def healthy(exchange: Exchange) -> None:
    """The process answers."""
    await exchange.json(200, HEALTHY)


def build_app(services: Services) -> App:
    """The ASGI application over these services."""
    # Before there is a second thread: making models of them in two at once can fail (CPython issue 106905).
    operations()
    return App(services)
