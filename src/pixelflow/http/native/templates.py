"""``/v1/templates``."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from pixelflow.http import describing
from pixelflow.http.body import json_object
from pixelflow.http.idempotent import promising
from pixelflow.http.native.given import KEYED, Caller, Cursor, Limit, TheExchange, TheServices, json
from pixelflow.http.shapes import templates as shapes
from pixelflow.http.shapes.templates import difference_view, template_view

router = APIRouter(prefix="/v1/templates", tags=["templates"])
End = Annotated[str | None, Query(max_length=64)]


@router.post(
    "",
    dependencies=[KEYED],
    status_code=201,
    summary="Make a template, or its next version",
    openapi_extra={"requestBody": shapes.NEW_TEMPLATE},
    responses=describing.answers(dict.fromkeys((201, 200), shapes.TemplateShape), 400, 409, 413, 422, 503),
)
async def add(exchange: TheExchange, services: TheServices, caller: Caller) -> Response:
    """Versions count from 1 and never change. The first is what the bare name means until another is
    promoted. The pipeline of the newest version, sent again, makes no further one: 200."""
    with promising(exchange, caller.tenant) as promise:
        template, new = await services.templates.add(caller.tenant, await json_object(exchange), promise)
    _, meanings = await services.templates.get(caller.tenant, template.id)
    location = {"location": f"{services.options.link_base}/v1/templates/{template.id}"}
    return json(template_view(template, meanings), 201 if new else 200, location)


@router.get(
    "",
    summary="The caller's templates, by name",
    responses=describing.answers({200: shapes.TemplatePage}, 400, 422),
)
async def list_templates(
    services: TheServices, caller: Caller, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Of each the version that the bare name means. The built-in `default` is among them until the caller
    makes one."""
    page = await services.templates.list(caller.tenant, limit, cursor)
    return json({"items": [template_view(*item) for item in page.items], "next_cursor": page.cursor})


@router.get(
    "/{name}",
    summary="A template, by its name, a version or an alias",
    responses=describing.answers({200: shapes.TemplateShape}, 404),
)
async def get(services: TheServices, caller: Caller, name: str) -> Response:
    """`thumb`, `thumb@3`, `thumb@canary` or `thumb@latest`."""
    return json(template_view(*await services.templates.get(caller.tenant, name)))


@router.get(
    "/{name}/versions",
    summary="A template's versions, newest first",
    responses=describing.answers({200: shapes.TemplatePage}, 400, 404, 422),
)
async def versions(
    services: TheServices, caller: Caller, name: str, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Those that were not deleted."""
    page, meanings = await services.templates.versions(caller.tenant, name, limit, cursor)
    items = [template_view(template, meanings) for template in page.items]
    return json({"items": items, "next_cursor": page.cursor})


@router.get(
    "/{name}/diff",
    summary="What lies between two versions",
    responses=describing.answers({200: shapes.TemplateDifference}, 404, 422),
)
async def diff(
    services: TheServices,
    caller: Caller,
    name: str,
    old: Annotated[End, Query(alias="from", description="A version or an alias; the current one.")] = None,
    new: Annotated[End, Query(alias="to", description="A version or an alias; the newest.")] = None,
) -> Response:
    """Step by step, with old and new values; `lines` say it for people."""
    return json(difference_view(*await services.templates.diff(caller.tenant, name, old, new)))


@router.post(
    "/{name}/promote",
    summary="Let a template's name, or an alias of it, mean a version",
    openapi_extra={"requestBody": shapes.PROMOTE},
    responses=describing.answers({200: shapes.TemplateShape}, 400, 404, 422, 503),
)
async def promote(exchange: TheExchange, services: TheServices, caller: Caller, name: str) -> Response:
    """Jobs that are there already keep the version that they were made with."""
    given = await json_object(exchange)
    return json(template_view(*await services.templates.promote(caller.tenant, name, given, caller.subject)))


@router.post(
    "/{name}/rollback",
    dependencies=[KEYED],
    summary="Let it mean what it did before",
    openapi_extra={"requestBody": shapes.ROLLBACK},
    responses=describing.answers({200: shapes.TemplateShape}, 400, 404, 409, 422, 503),
)
async def rollback(exchange: TheExchange, services: TheServices, caller: Caller, name: str) -> Response:
    """Again and again, back to the first meaning; the body may be left out."""
    with promising(exchange, caller.tenant) as promise:
        given = await json_object(exchange, may_be_empty=True)
        found = await services.templates.rollback(caller.tenant, name, given, promise, caller.subject)
    return json(template_view(*found))


@router.delete(
    "/{name}",
    status_code=204,
    summary="Delete a template, a version or an alias",
    responses=describing.answers({}, 404, 409, 503),
)
async def delete(services: TheServices, caller: Caller, name: str) -> Response:
    """Jobs keep their pipeline. A version that a name means stays: 409. Numbers are never given again."""
    await services.templates.delete(caller.tenant, name, caller.subject)
    return Response(status_code=204)
