"""ParallelPix: upload, status, download."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from pixelflow.domain.job import Job, JobState
from pixelflow.domain.template import DEFAULT
from pixelflow.http.dialects.download import PICTURE_ANSWERS, first_picture
from pixelflow.http.dialects.manner import DialectRoute, dialect_answers
from pixelflow.http.native.given import KEYED, Caller, TheExchange, TheServices, json
from pixelflow.http.shapes.shape import JOB_ID, MOMENT
from pixelflow.http.submission import submit_form
from pixelflow.http.view import moment

STATUS = {
    JobState.AWAITING_UPLOAD: "queued",
    JobState.QUEUED: "queued",
    JobState.PROCESSING: "processing",
    JobState.COMPLETED: "done",
    JobState.FAILED: "error",
    JobState.CANCELLED: "error",
    JobState.QUARANTINED: "error",
}
router = APIRouter(prefix="/v1", tags=["ParallelPix"], route_class=DialectRoute)


class PictureTaken(BaseModel):
    """An accepted upload."""

    job_id: str = Field(examples=[JOB_ID])


class Status(BaseModel):
    """A job's state; ``error`` only where there is one."""

    job_id: str = Field(examples=[JOB_ID])
    status: str = Field(examples=["processing"], description="queued, processing, done or error")
    submitted_at: str = Field(examples=[MOMENT])
    error: str | None = None


FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "pipeline": {
                        "type": "array",
                        "items": {"$ref": "#/components/schemas/Step"},
                    },
                    "template": {
                        "type": "string",
                        "default": DEFAULT,
                        "description": "In place of a pipeline: `NAME`, `NAME@VERSION` or `NAME@ALIAS`.",
                    },
                },
            }
        }
    },
}


@router.post(
    "/upload",
    dependencies=[KEYED],
    summary="Upload a picture to be processed",
    openapi_extra={"requestBody": FORM},
    responses={200: {"model": PictureTaken}, **dialect_answers(400, 403, 408, 413, 415, 422, 429, 503, 507)},
)
async def upload(exchange: TheExchange) -> Response:
    """With neither a `pipeline` nor a `template`, the template `default` is run: the caller's own, or else
    the built-in one, which fits the picture into 1024 × 1024 pixels and keeps its format."""
    kind = exchange.header(b"content-type") or b""
    created = await submit_form(exchange, kind, DEFAULT)
    return json({"job_id": created.job.id})


@router.get(
    "/status/{job_id}",
    summary="A job's state",
    responses={200: {"model": Status}, **dialect_answers(404)},
)
async def status(services: TheServices, caller: Caller, job_id: str) -> Response:
    """One of `queued`, `processing`, `done`, `error`."""
    return json(_status(await services.jobs.get(caller.tenant, job_id)))


@router.get(
    "/download/{job_id}",
    summary="The processed picture",
    response_class=Response,
    responses=PICTURE_ANSWERS,
)
async def download(exchange: TheExchange, caller: Caller, job_id: str) -> Response:
    """The only output, or the first in the pipeline's order; 409 with `Retry-After` while it is not done."""
    return await first_picture(exchange, caller.tenant, job_id)


def _status(job: Job) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "job_id": job.id,
        "status": STATUS[job.state],
        "submitted_at": moment(job.created_at),
    }
    if STATUS[job.state] == "error":
        shown["error"] = job.error.message if job.error else f"the job was {job.state}"
    return shown
