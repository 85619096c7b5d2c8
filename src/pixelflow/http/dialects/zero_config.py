"""The zero-config service: base64 JSON in, one picture out."""

from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from pixelflow.domain.errors import InvalidRequest, MalformedRequest, Problem
from pixelflow.domain.job import Job, JobState
from pixelflow.http.body import json_object
from pixelflow.http.dialects.download import PICTURE_ANSWERS, first_picture
from pixelflow.http.dialects.manner import DialectRoute, dialect_answers
from pixelflow.http.idempotent import idempotency_key
from pixelflow.http.native.given import KEYED, Caller, TheExchange, TheServices, json
from pixelflow.http.shapes.shape import JOB_ID, MOMENT
from pixelflow.http.submission import submit_picture
from pixelflow.http.view import moment
from pixelflow.ports.storage import Storage

FIELDS = ("image_data", "operation", "width", "height", "output_format")
STATUS = {
    JobState.AWAITING_UPLOAD: "pending",
    JobState.QUEUED: "pending",
    JobState.PROCESSING: "processing",
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "failed",
    JobState.QUARANTINED: "failed",
}
router = APIRouter(tags=["zero-config"], route_class=DialectRoute)


class Submission(BaseModel):
    """What to do with a picture; width and height in pixels."""

    model_config = ConfigDict(
        json_schema_extra={
            "required": ["image_data"],
            "anyOf": [{"required": ["operation", "width", "height"]}, {"required": ["template"]}],
        }
    )

    image_data: str = Field(description="The picture in base64.", examples=["iVBORw0KGgo…"])
    operation: Literal["resize", "thumbnail"] = Field(
        description="`resize` is exact and may distort; `thumbnail` fits inside and keeps the proportions."
    )
    width: int = Field(ge=1, le=65535, examples=[800])
    height: int = Field(ge=1, le=65535, examples=[600])
    template: str | None = Field(
        None, description="In place of all others but the picture: a template's name.", examples=["thumb"]
    )
    output_format: str | None = Field(None, description="By default the picture's own.", examples=["jpeg"])


class Submitted(BaseModel):
    """An accepted job."""

    job_id: str = Field(examples=[JOB_ID])
    status: Literal["pending"] = "pending"
    message: Literal["Image processing job submitted"] = "Image processing job submitted"


class Shown(BaseModel):
    """A job; ``output_path`` is empty until it is completed, ``error`` is there only when it failed."""

    id: str = Field(examples=[JOB_ID])
    status: Literal["pending", "processing", "completed", "failed"]
    input_path: str = Field(examples=["./uploads/…"])
    output_path: str = Field(examples=["./outputs/…"])
    operation: str = Field(examples=["resize"])
    width: int = Field(examples=[800])
    height: int = Field(examples=[600])
    created_at: str = Field(examples=[MOMENT])
    updated_at: str = Field(examples=[MOMENT])
    error: str | None = None


class ProcessHealth(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


@router.post(
    "/jobs",
    dependencies=[KEYED],
    status_code=202,
    summary="Submit a picture in base64",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": Submission.model_json_schema(ref_template="#/components/schemas/{model}")
                }
            },
        }
    },
    responses={
        202: {"model": Submitted},
        **dialect_answers(400, 403, 408, 409, 413, 415, 422, 429, 503, 507),
    },
)
async def submit(exchange: TheExchange, services: TheServices, caller: Caller) -> Response:
    """The job starts at once. The largest picture is 10 MiB unless MAX_UPLOAD_SIZE says otherwise."""
    limit = services.options.zero_config_upload_bytes
    key = idempotency_key(exchange)
    with services.jobs.running.alone(caller.tenant, key):
        given = await json_object(exchange, "image_data", limit)
        picture = given.pop("image_data", None)
        if not isinstance(picture, bytes):
            raise MalformedRequest(
                "image_data must hold the picture in base64", code="missing_field", field="image_data"
            )
        order = await services.templates.order(caller.tenant, _asked(given))
        created = await submit_picture(exchange, caller.tenant, order, picture, given, key, limit)
    return json(
        {"job_id": created.job.id, "status": "pending", "message": "Image processing job submitted"}, 202
    )


@router.get("/jobs/{job_id}", summary="A job", responses={200: {"model": Shown}, **dialect_answers(404)})
async def get(services: TheServices, caller: Caller, job_id: str) -> Response:
    """One of `pending`, `processing`, `completed`, `failed`."""
    return json(_shown(await services.jobs.get(caller.tenant, job_id), services.jobs.storage))


@router.get(
    "/jobs/{job_id}/download",
    summary="The processed picture",
    response_class=Response,
    responses=PICTURE_ANSWERS,
)
async def download(exchange: TheExchange, caller: Caller, job_id: str) -> Response:
    """409 with `Retry-After` while it is not done."""
    return await first_picture(exchange, caller.tenant, job_id)


@router.get("/health", summary="The process answers", responses={200: {"model": ProcessHealth}})
async def health() -> Response:
    """As `/healthz`."""
    return json({"status": "ok"})


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("template") is None:
        return {"pipeline": [_step({name: value for name, value in given.items() if name != "template"})]}
    if others := [name for name, value in given.items() if name != "template" and value is not None]:
        why, allowed = "does not go with a template", "a template alone"
        raise InvalidRequest(
            [Problem(f"{name} {why}", name, value=given[name], allowed=allowed) for name in others]
        )
    return given


def _step(given: dict[str, Any]) -> dict[str, Any]:
    problems = [
        Problem(f"there is no field {name!r}", name, value=value, allowed=", ".join(FIELDS))
        for name, value in given.items()
        if name not in FIELDS
    ]
    operation = given.get("operation")
    if operation not in ("resize", "thumbnail"):
        message = "operation must be resize or thumbnail"
        problems.append(Problem(message, "operation", value=operation, allowed="resize, thumbnail"))
    for side in ("width", "height"):
        value = given.get(side)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 65535:
            message = f"{side} must be a whole number of pixels from 1 to 65535"
            problems.append(Problem(message, side, value=value, allowed="1 to 65535"))
    if problems:
        raise InvalidRequest(problems)
    step = {"id": "output", "action": operation, "width": given["width"], "height": given["height"]}
    if operation == "resize":
        step |= {"fit": "fill", "enlarge": True}
    if given.get("output_format") is not None:
        wanted = given["output_format"]
        step["format"] = "jpeg" if wanted == "jpg" else wanted
    return step


def _shown(job: Job, storage: Storage) -> dict[str, Any]:
    step = job.pipeline[0]
    shown = {
        "id": job.id,
        "status": STATUS[job.state],
        "input_path": _path(storage, job.source.key),
        "output_path": _path(storage, job.outputs[0].key if job.outputs else None),
        "operation": step["action"],
        "width": _side(step.get("width")),
        "height": _side(step.get("height")),
        "created_at": moment(job.created_at),
        "updated_at": moment(job.updated_at),
    }
    if shown["status"] == "failed":
        shown["error"] = job.error.message if job.error else f"the job was {job.state}"
    return shown


def _side(value: object) -> int:
    return value if isinstance(value, int) else 0


def _path(storage: Storage, key: str | None) -> str:
    """Where the file is, as that service's users look for it; the key where the storage has no paths."""
    path = storage.local_path(key) if key else None
    if path is None:
        return key or ""
    here = Path.cwd()
    return f"./{path.relative_to(here)}" if path.is_relative_to(here) else str(path)
