"""``/v1/jobs/{id}/hold``."""

from fastapi import APIRouter, Response

from pixelflow.http import describing
from pixelflow.http.native.given import Caller, TheServices, json
from pixelflow.http.shapes.jobs import Job
from pixelflow.http.view import job_view

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.put(
    "/{job_id}/hold",
    summary="Keep a job from being deleted",
    responses=describing.answers({200: Job}, 404),
)
async def hold(services: TheServices, caller: Caller, job_id: str) -> Response:
    """Until the hold is lifted, deleting it is refused with 409 (`held`), and it does not expire."""
    job = await services.jobs.hold(caller.tenant, job_id, caller.subject, held=True)
    return json(job_view(job, services.options.link_base))


@router.delete(
    "/{job_id}/hold",
    summary="Let a job be deleted again",
    responses=describing.answers({200: Job}, 404),
)
async def release(services: TheServices, caller: Caller, job_id: str) -> Response:
    """What has expired meanwhile goes at the next sweep."""
    job = await services.jobs.hold(caller.tenant, job_id, caller.subject, held=False)
    return json(job_view(job, services.options.link_base))
