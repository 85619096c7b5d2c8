"""The FastAPI application: every call but the hot ones, and the OpenAPI document of all of them."""

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from pixelflow import __version__
from pixelflow.domain.errors import InvalidRequest, MalformedRequest, PixelFlowError
from pixelflow.http.dialects import parallelpix, zero_config
from pixelflow.http.errors import Refusal, encode, other, refusal
from pixelflow.http.native import (
    assets,
    batches,
    bulks,
    capabilities,
    events,
    holds,
    jobs,
    keeping,
    operators,
    pages,
    pipelines,
    provenance,
    templates,
    usage,
    webhooks,
)
from pixelflow.http.openapi import Api
from pixelflow.http.refused import problem
from pixelflow.http.services import Services

log = structlog.get_logger()

ROUTERS = (
    bulks.router,
    jobs.router,
    holds.router,
    events.router,
    assets.router,
    pipelines.router,
    templates.router,
    batches.router,
    webhooks.router,
    capabilities.router,
    provenance.router,
    keeping.router,
    operators.router,
    parallelpix.router,
    zero_config.router,
    pages.router,
    usage.router,
)


def build_api(services: Services) -> FastAPI:
    """The application with all routes; requests come through ``app.App``, which gives them their exchange."""
    api = Api(
        title="PixelFlow",
        version=__version__,
        summary="Asynchronous image processing: durable jobs, caged decoders.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in ROUTERS:
        api.include_router(router)
    api.add_exception_handler(PixelFlowError, _refused)
    api.add_exception_handler(OSError, _refused)
    api.add_exception_handler(Exception, _unexpected)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _unrouted)
    return api


async def _refused(request: Request, error: Exception) -> Response:
    found = refusal(error)
    if found.status >= 500:
        log.error("request failed", path=request.url.path, code=found.code, exc_info=error)
    return _answer(request, found)


async def _unexpected(request: Request, error: Exception) -> Response:
    # The framework raises the error again after this answer: it is logged there, once.
    request.scope["answered"] = True
    return _answer(request, refusal(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    for found in error.errors():
        if found["loc"][0] == "query" and found["type"].startswith("date"):
            name = str(found["loc"][-1])
            malformed = MalformedRequest(
                f"{name} must be a day such as 2026-03-01", code="malformed_time", field=name
            )
            return _answer(request, refusal(malformed))
    problems = [problem(found, str(found["loc"][-1])) for found in error.errors()]
    return _answer(request, refusal(InvalidRequest(problems)))


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 405:
        detail = f"{path} does not take {request.method}"
        return _answer(request, other("method_not_allowed", detail, allow=_methods(path)))
    if error.status_code == 404:
        return _answer(request, other("not_found", f"there is no {path} here; /docs shows what there is"))
    return _answer(request, other("bad_request", str(error.detail)))


def _methods(path: str) -> list[str]:
    routes = (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))
    return sorted(
        {method for route in routes if route.path_regex.fullmatch(path) for method in route.methods or ()}
    )


def _answer(request: Request, found: Refusal) -> Response:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    headers |= {name.decode(): value.decode() for name, value in found.headers}
    body = encode(found.document(request.scope["exchange"].request_id))
    return Response(body, found.status, headers, "application/problem+json")
