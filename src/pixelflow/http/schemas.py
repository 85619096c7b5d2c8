"""The native API's shapes for its OpenAPI document; answers are not built from these, only tested by them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pixelflow.domain.job import JobState

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
    """A job's input; all but `type` and `url` is known once it is stored, the sides once it was decoded."""

    type: str = Field(examples=["upload"])
    url: str | None = Field(examples=[None], description="Where it is fetched from, without the query.")
    bytes: int | None = Field(examples=[557596])
    sha256: str | None = Field(examples=[SHA256])
    format: str | None = Field(examples=["png"])
    width: int | None = Field(examples=[768])
    height: int | None = Field(examples=[512])
    gone_at: str | None = Field(examples=[None], description="Since when its file is kept no longer")


class Trial(Shape):
    """A file that was made to find the best one; `score` is its SSIM against the picture, 1 for equal."""

    format: str = Field(examples=["avif"])
    bytes: int = Field(examples=[4870])
    quality: int | None = Field(examples=[58], description="absent of files without loss")
    score: float | None = Field(examples=[0.9641])


class Choice(Shape):
    """What was chosen where the format or the quality was left to the server, and among what."""

    quality: int | None = Field(examples=[58])
    score: float | None = Field(examples=[0.9641])
    target: float | None = Field(examples=[0.96], description="the SSIM that was looked for")
    tried: list[Trial]
    left_out: dict[str, str] = Field(
        examples=[{"png": "a photo without loss is far larger"}],
        description="why a format was not tried",
    )


class Keep(Shape):
    """Seconds from a job's end until its source, its outputs and its record go; null is for as long as the
    record, and for ever."""

    source: float | None = Field(examples=[3600])
    outputs: float | None = Field(examples=[86400])
    record: float | None = Field(examples=[604800])


class Output(Shape):
    """One step's result; skipped ones have an error in place of bytes."""

    id: str = Field(examples=["thumb_small"])
    job_id: str | None = Field(None, examples=[JOB_ID])
    status: Literal["completed", "skipped"]
    format: str | None = Field(None, examples=["webp"])
    media_type: str | None = Field(None, examples=["image/webp"])
    bytes: int | None = Field(None, examples=[4870])
    width: int | None = Field(None, examples=[150])
    height: int | None = Field(None, examples=[100])
    sha256: str | None = Field(None, examples=[SHA256])
    cached: bool | None = Field(None, description="An earlier job's, made of the same bytes by the same step")
    choice: Choice | None = None
    ready_at: str | None = Field(None, examples=[MOMENT])
    delivered: str | None = Field(None, description="Where it was sent as well, without the URL's query")
    gone_at: str | None = Field(None, description="Since when its file is kept no longer")
    url: str | None = Field(examples=[f"/v1/jobs/{JOB_ID}/outputs/thumb_small"])
    error: Failure | None = None


class Target(Shape):
    """Where the outputs are sent as well; the URL without its query."""

    url: str = Field(examples=["s3://bucket/thumbs"])
    naming: str | None = Field(examples=["{job_id}/{step}.{ext}"])


class Job(Shape):
    """A job."""

    id: str = Field(examples=[JOB_ID])
    job_id: str = Field(examples=[JOB_ID])
    status: JobState = Field(examples=["completed"])
    source: Source
    pipeline: list[dict[str, Any]] = Field(examples=[PIPELINE])
    template: str | None = Field(examples=["thumb@3"], description="The exact version that was named.")
    batch_id: str | None = Field(examples=[None])
    outputs: list[Output]
    progress: int = Field(ge=0, le=100, examples=[100])
    position: int | None = Field(
        examples=[None], description="Of a queued job asked for by its id: 1 is claimed next."
    )
    eta_seconds: float | None = Field(
        examples=[None], description="About how long until it has ended; `null` where nothing is known yet."
    )
    attempt: int = Field(examples=[1])
    faults: int = Field(examples=[0], description="Attempts that ended because a service did not answer")
    scheduled_at: Moment | None = Field(description="Before which it was not to run")
    not_before: Moment | None = Field(description="Until when a queued job waits")
    deadline_seconds: float | None = Field(examples=[20.0], description="Wall time of a run")
    hold: bool = Field(description="Whether it is kept from being deleted")
    priority: int = Field(ge=-10, le=10, examples=[0])
    error: Failure | None
    metadata: dict[str, Any] = Field(examples=[{"order": 17}])
    webhook_url: str | None = Field(examples=["https://client-site.com/hooks/pixel-done"])
    store: Target | None
    created_at: Moment
    queued_at: Moment | None
    started_at: Moment | None
    finished_at: Moment | None
    expires_at: Moment | None
    replay_of: str | None = Field(examples=[None], description="The job that this one runs again")
    keep: Keep | None = Field(
        description="What the job's end was asked to leave, as far as the server allows it"
    )


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
    output: Literal["image", "json", "zip"]


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


class PlannedOutput(Shape):
    """An output as it will be: sides in pixels exactly, bytes, seconds and memory estimated; `null` is not
    known before the pipeline runs."""

    id: str = Field(examples=["thumb_small"])
    format: str | None = Field(examples=["webp"])
    width: int | None = Field(examples=[150])
    height: int | None = Field(examples=[100])
    alpha: bool | None = Field(examples=[False])
    frames: int | None = Field(examples=[1])
    bytes: int | None = Field(examples=[4800])
    cpu_seconds: float | None = Field(examples=[0.02])
    memory_bytes: int | None = Field(examples=[310_000_000])


class PlanWarning(Shape):
    """What may not be wanted, and what to change then."""

    code: str = Field(examples=["alpha_lost"])
    step: str | None = Field(examples=["thumb_small"])
    message: str = Field(examples=["jpeg has no transparency: what shows through lies on white"])
    fix: str = Field(examples=["write it as webp, png or avif, or lay it on a colour with a background step"])


class Plan(Shape):
    """What a pipeline will make."""

    outputs: list[PlannedOutput]
    warnings: list[PlanWarning]


class Health(Shape):
    """The process answers."""

    status: Literal["ok"]


class ReadinessCheck(Shape):
    """One thing that should be well."""

    name: str = Field(examples=["store"])
    good: bool
    vital: bool = Field(description="Whether no work is taken without it")
    detail: str
    facts: dict[str, Any] | None = Field(
        None,
        description="Figures of a part, as of each of the keeper's duties",
        examples=[
            {
                "period_seconds": 5.0,
                "last_run": MOMENT,
                "seconds": 0.0021,
                "count": 0,
                "found": 3,
                "failures": 0,
                "last_error": None,
                "lag_seconds": 0.0,
            }
        ],
    )


class Readiness(Shape):
    """Whether work is taken, and why not."""

    status: Literal["ready", "not_ready"]
    checks: list[ReadinessCheck]


class Version(BaseModel):
    """Versions of PixelFlow and of what its decoders have loaded, by name; which these are depends on the
    installation."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"additionalProperties": {"type": "string"}},
    )

    version: str = Field(examples=["0.1.0"])
    libvips: str | None = Field(default=None, examples=["8.18.7"])


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
