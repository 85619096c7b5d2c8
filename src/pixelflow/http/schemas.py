"""The native API's shapes for its OpenAPI document; answers are not built from these, only tested by them."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pixelflow.domain.job import JobState
from pixelflow.http.errors import TABLE

JOB_ID = "01994d3c-7a10-7c52-9f0e-6f8f6f6b1c11"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
MOMENT = "2026-03-01T12:00:00.000Z"
PIPELINE: list[dict[str, Any]] = [
    {"id": "thumb_small", "action": "resize", "width": 150, "format": "webp", "quality": 80}
]
Moment = Annotated[str, Field(examples=[MOMENT], description="RFC 3339, UTC, milliseconds")]


class Shape(BaseModel):
    """The base of all: what an answer holds, no more and no less."""

    model_config = ConfigDict(extra="forbid")


class Failure(Shape):
    """Why a job or a step has no output."""

    code: str = Field(examples=["corrupt"])
    message: str = Field(examples=["the file ends in the middle"])
    step: str | None = None


class Source(Shape):
    """A job's input; all but `type` is known once it is stored, the sides once it was decoded."""

    type: str = Field(examples=["upload"])
    bytes: int | None = Field(examples=[557596])
    sha256: str | None = Field(examples=[SHA256])
    format: str | None = Field(examples=["png"])
    width: int | None = Field(examples=[768])
    height: int | None = Field(examples=[512])


class Output(Shape):
    """One step's result; skipped ones have an error in place of bytes."""

    id: str = Field(examples=["thumb_small"])
    status: Literal["completed", "skipped"]
    format: str | None = Field(None, examples=["webp"])
    media_type: str | None = Field(None, examples=["image/webp"])
    bytes: int | None = Field(None, examples=[4870])
    width: int | None = Field(None, examples=[150])
    height: int | None = Field(None, examples=[100])
    sha256: str | None = Field(None, examples=[SHA256])
    url: str | None = Field(examples=[f"/v1/jobs/{JOB_ID}/outputs/thumb_small"])
    error: Failure | None = None


class Job(Shape):
    """A job."""

    id: str = Field(examples=[JOB_ID])
    job_id: str = Field(examples=[JOB_ID])
    status: JobState = Field(examples=["completed"])
    source: Source
    pipeline: list[dict[str, Any]] = Field(examples=[PIPELINE])
    outputs: list[Output]
    progress: int = Field(ge=0, le=100, examples=[100])
    attempt: int = Field(examples=[1])
    priority: int = Field(ge=-10, le=10, examples=[0])
    error: Failure | None
    metadata: dict[str, Any] = Field(examples=[{"order": 17}])
    webhook_url: str | None = Field(examples=["https://client-site.com/hooks/pixel-done"])
    created_at: Moment
    queued_at: Moment | None
    started_at: Moment | None
    finished_at: Moment | None
    expires_at: Moment | None


class JobPage(Shape):
    """A page of jobs, newest first."""

    items: list[Job]
    next_cursor: str | None


class OutputPage(Shape):
    """A job's outputs."""

    items: list[Output]
    next_cursor: str | None


class Links(Shape):
    """Where to go on; paths, or whole URLs where PUBLIC_URL is set."""

    self: str = Field(examples=[f"/v1/jobs/{JOB_ID}"])
    events: str = Field(examples=[f"/v1/jobs/{JOB_ID}/events"])
    outputs: str = Field(examples=[f"/v1/jobs/{JOB_ID}/outputs"])


class Upload(Shape):
    """How to send the picture: the method, the signed URL, the headers."""

    method: str = Field(examples=["PUT"])
    url: str = Field(
        examples=[f"http://127.0.0.1:8080/v1/uploads/{JOB_ID}?expires=…&key=k1&tenant=local&signature=…"]
    )
    headers: dict[str, str] = Field(examples=[{"Content-Type": "application/octet-stream"}])
    expires_at: Moment
    max_bytes: int = Field(examples=[52428800])


class Created(Shape):
    """A job that was created, started or retried."""

    id: str = Field(examples=[JOB_ID])
    job_id: str = Field(examples=[JOB_ID])
    status: JobState = Field(examples=["queued"])
    links: Links
    upload: Upload | None = None


class Uploaded(Shape):
    """What was stored."""

    job_id: str = Field(examples=[JOB_ID])
    bytes: int = Field(examples=[557596])
    sha256: str = Field(examples=[SHA256])
    format: str = Field(examples=["png"])


class Asset(Shape):
    """A picture that pipelines refer to by its id."""

    id: str = Field(examples=["ast_9f86d081884c7d659a2feaa0c55ad015"])
    format: str = Field(examples=["png"])
    media_type: str = Field(examples=["image/png"])
    bytes: int = Field(examples=[5120])
    sha256: str = Field(examples=[SHA256])
    created_at: Moment


class AssetPage(Shape):
    """A page of assets, newest first."""

    items: list[Asset]
    next_cursor: str | None


class Operation(Shape):
    """An operation; `parameters` is a JSON Schema."""

    name: str = Field(examples=["resize"])
    family: str
    title: str
    description: str
    parameters: dict[str, Any]
    animated: bool
    output: Literal["image", "json"]


class Operations(Shape):
    """All operations of this server."""

    operations: list[Operation]


class Format(Shape):
    """An image format; `max_depth` in bits a channel."""

    name: str = Field(examples=["webp"])
    media_type: str = Field(examples=["image/webp"])
    extensions: list[str] = Field(examples=[["webp"]])
    reads: bool
    writes: bool
    animated: bool
    alpha: bool
    max_depth: int
    extra: str | None


class Formats(Shape):
    """All formats that PixelFlow knows."""

    formats: list[Format]


class Health(Shape):
    """The process answers."""

    status: Literal["ok"]


class ReadinessCheck(Shape):
    """One thing that has to be well."""

    name: str = Field(examples=["store"])
    good: bool
    detail: str


class Readiness(Shape):
    """Whether work is taken, and why not."""

    status: Literal["ready", "not_ready"]
    checks: list[ReadinessCheck]


class Version(BaseModel):
    """Versions."""

    version: str = Field(examples=["0.1.0"])


class Pool(Shape):
    """The pool of decoders."""

    size: int = Field(ge=1, examples=[4])


class RefusedValue(Shape):
    """One value that is refused: where it is and what is allowed."""

    step: str | None = Field(examples=["thumb_small"])
    field: str = Field(examples=["width"])
    value: Any = Field(examples=[0])
    allowed: str | None = Field(examples=["1 to 65535"])
    message: str


class Problem(BaseModel):
    """An error (RFC 9457); further members tell what is needed to act on it: a limit, a setting, a state."""

    type: str = Field(examples=["/docs#invalid"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["invalid"])
    request_id: str = Field(examples=["5f0c1d2e3b4a5968"])
    errors: list[RefusedValue] | None = None


EXAMPLES: dict[int, tuple[str, str, dict[str, Any]]] = {
    400: ("malformed_json", "the body is not JSON: unexpected end", {}),
    403: ("signature_expired", "the signed URL has expired; create the job again", {}),
    404: ("not_found", "there is no such job", {"job_id": JOB_ID}),
    408: ("slow_body", "812 bytes came in 30 s, fewer than 1024 a second", {"setting": "SLOW_BODY_SECONDS"}),
    409: (
        "output_not_ready",
        f"job {JOB_ID} is processing; its output is not ready",
        {"state": "processing", "retry_after": 1},
    ),
    413: (
        "too_large",
        "the upload is larger than 52428800 bytes; MAX_UPLOAD_SIZE sets this limit",
        {"limit": 52428800, "value": None, "setting": "MAX_UPLOAD_SIZE"},
    ),
    415: (
        "unsupported_image",
        "this is pdf, which is not switched on here; allowed are avif, gif, jpeg, png, tiff, webp",
        {"found": "pdf", "allowed": ["avif", "gif", "jpeg", "png", "tiff", "webp"]},
    ),
    422: (
        "invalid",
        "Input should be greater than or equal to 1",
        {
            "errors": [
                {
                    "step": "thumb_small",
                    "field": "width",
                    "value": 0,
                    "allowed": "1 to 65535, or a percentage",
                    "message": "Input should be greater than or equal to 1",
                }
            ]
        },
    ),
    503: ("queue_full", "1000000 jobs are queued; MAX_QUEUE_DEPTH allows 1000000", {"retry_after": 5}),
    507: (
        "disk_full",
        "1048576 bytes are free on the disk; MIN_FREE_BYTES keeps 268435456",
        {"retry_after": 5},
    ),
}


def problem_example(status: int) -> dict[str, Any]:
    """A problem document as an answer with that status could be."""
    code, detail, extra = EXAMPLES[status]
    title = next((words for number, words in TABLE.values() if number == status), HTTPStatus(status).phrase)
    return {
        "type": f"/docs#{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **extra,
        "request_id": "5f0c1d2e3b4a5968",
    }


def answers(good: dict[int, type[BaseModel] | str | None], *refusals: int) -> dict[int | str, dict[str, Any]]:
    """A route's ``responses``: a model, a media type, or nothing by status; then problems."""
    found: dict[int | str, dict[str, Any]] = {}
    for status, body in good.items():
        described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if isinstance(body, str):
            text = body.startswith("text/")
            described["content"] = {
                body: {"schema": {"type": "string", **({} if text else {"format": "binary"})}}
            }
        elif body is not None:
            described |= {"model": body, "description": (body.__doc__ or "").strip()}
        found[status] = described
    for status in refusals:
        content = {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": problem_example(status),
        }
        found[status] = {
            "description": problem_example(status)["title"],
            "content": {"application/problem+json": content},
        }
    return found


_ORDER: dict[str, Any] = {
    "pipeline": {
        "type": "array",
        "minItems": 1,
        "maxItems": 20,
        "items": {"$ref": "#/components/schemas/Step"},
    },
    "priority": {"type": "integer", "minimum": -10, "maximum": 10, "default": 0},
    "metadata": {"type": "object", "description": "Comes back with the job; at most 8192 bytes of JSON."},
    "webhook_url": {"type": "string", "format": "uri", "description": "http or https, without credentials."},
    "expires_in": {
        "type": "number",
        "minimum": 1,
        "maximum": 30 * 86400,
        "description": "Seconds after which the job and its files are deleted.",
    },
}
NEW_JOB: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file", "pipeline"],
                "properties": {"file": {"type": "string", "format": "binary"}, **_ORDER},
            },
            "encoding": {"pipeline": {"contentType": "application/json"}},
        },
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["pipeline"],
                "additionalProperties": False,
                "properties": {
                    "source_type": {
                        "type": "string",
                        "enum": ["upload", "s3_presigned", "base64"],
                        "default": "upload",
                    },
                    "image_data": {"type": "string", "format": "byte", "description": "With `base64` only."},
                    **_ORDER,
                },
            },
            "examples": {
                "upload": {
                    "summary": "Upload by a signed URL, then start",
                    "value": {
                        "source_type": "s3_presigned",
                        "webhook_url": "https://client-site.com/hooks/pixel-done",
                        "pipeline": PIPELINE,
                    },
                },
                "base64": {
                    "summary": "The picture in the request",
                    "value": {"source_type": "base64", "image_data": "iVBORw0KGgo…", "pipeline": PIPELINE},
                },
            },
        },
    },
}
RAW_PICTURE: dict[str, Any] = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
NEW_ASSET: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        },
        **RAW_PICTURE["content"],
    },
}
NEW_POOL: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/Pool"}, "example": {"size": 4}}
    },
}
