"""``/v1/pipelines``."""

from fastapi import APIRouter, Response

from pixelflow.http import describing
from pixelflow.http.body import json_object
from pixelflow.http.native.given import Caller, TheExchange, TheServices, json
from pixelflow.http.shapes.plans import NEW_PLAN, Plan
from pixelflow.http.view import plan_view

router = APIRouter(prefix="/v1/pipelines", tags=["pipelines"])


@router.post(
    "/plan",
    summary="Check a pipeline, and tell what it will make, without running it",
    openapi_extra={"requestBody": NEW_PLAN},
    responses=describing.answers({200: Plan}, 400, 403, 404, 409, 422, 503),
)
async def plan(exchange: TheExchange, services: TheServices, caller: Caller) -> Response:
    """Sizes in pixels are exact; bytes, CPU seconds and memory are estimates; `null` is not known before the
    pipeline runs. `source` describes a picture or names a job's; without it only that is told which holds for
    every picture. What would be refused at submission is refused here in the same words.
    """
    return json(plan_view(await services.planner.plan(caller.tenant, await json_object(exchange))))
