"""Jobs and their outputs as the API shows them."""

from typing import Any, Literal

from pydantic import Field

from pixelflow.domain.job import JobState
from pixelflow.http.shapes.keep import Keep
from pixelflow.http.shapes.shape import JOB_ID, MOMENT, PIPELINE, SHA256, Moment, Shape


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
