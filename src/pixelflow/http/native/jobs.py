"""``/v1/jobs``."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from fastapi.types import DecoratedCallable

from pixelflow.control.follow import follow_job
from pixelflow.control.outputs import outputs_of
from pixelflow.control.selecting import query_filter
from pixelflow.domain.job import Job, JobState
from pixelflow.http import describing
from pixelflow.http.archive import zipped
from pixelflow.http.download import SAFE, get_output
from pixelflow.http.native.given import KEYED, RESUMING, Caller, TheExchange, TheServices, json
from pixelflow.http.native.handed import Handed
from pixelflow.http.services import Services
from pixelflow.http.shapes import jobs as shapes
from pixelflow.http.shapes.assets import RAW_PICTURE
from pixelflow.http.shapes.order import NEW_JOB
from pixelflow.http.sse import MEDIA_TYPE, last_event_id, stream
from pixelflow.http.submission import post_job
from pixelflow.http.uploads import put_upload
from pixelflow.http.view import created_view, job_view
from pixelflow.http.waiting import get_job

MAX_PAGE = 200
Moment = Annotated[
    str | None,
    Query(description="RFC 3339; UTC without an offset", json_schema_extra={"format": "date-time"}),
]
router = APIRouter(prefix="/v1", tags=["jobs"])


@router.post(
    "/jobs",
    dependencies=[KEYED],
    status_code=202,
    summary="Create a job, and with its picture start it",
    openapi_extra={"requestBody": NEW_JOB},
    responses=describing.answers(
        {202: shapes.Created, 201: shapes.Created}, 400, 403, 408, 409, 413, 415, 422, 429, 503, 507
    ),
)
async def post(exchange: TheExchange) -> Response:
    """As a form with the parts `file` and `pipeline` or `template`, in any order: uploaded and queued in one
    request.

    As JSON, `source_type` says how the picture comes: `base64` in `image_data`, or `url` from another
    machine, and the job starts at once; `upload` or `s3_presigned` by a PUT to the answer's `upload.url`, and
    the job starts with `POST /v1/jobs/{id}/start`. With an `Idempotency-Key` the same request, sent
    again, makes no second job.
    """
    return Handed(post_job, exchange)


@router.get(
    "/jobs",
    summary="The caller's jobs, newest first",
    responses=describing.answers({200: shapes.JobPage}, 400, 422),
)
async def list_jobs(
    exchange: TheExchange,
    services: TheServices,
    caller: Caller,
    status: JobState | None = None,
    created_after: Moment = None,
    created_before: Moment = None,
    template: Annotated[
        str | None, Query(description="`thumb` for all its versions, or `thumb@3`", max_length=100)
    ] = None,
    batch_id: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` of the page before")
    ] = None,
) -> Response:
    """Ask for the next page with `cursor`; `next_cursor` is `null` at the end, and only there: a page of few
    among many may be short.

    Filters can be put together. `metadata.KEY=VALUE` finds the jobs with that pair on top of their metadata,
    up to three of them in one query; numbers and `true` are written as in JSON.
    """
    page = await services.jobs.list(caller.tenant, query_filter(exchange.query), limit, cursor)
    base = services.options.link_base
    return json({"items": [job_view(job, base) for job in page.items], "next_cursor": page.cursor})


@router.get(
    "/jobs/{job_id}",
    summary="A job, at once or when it has ended",
    responses=describing.answers({200: shapes.Job}, 404, 422),
)
async def get(
    exchange: TheExchange,
    job_id: str,
    wait: Annotated[
        str, Query(description="Seconds to wait for the job's end; MAX_WAIT_SECONDS caps them")
    ] = "0",
) -> Response:
    """With `wait` a long poll, answered as soon as the job has ended."""
    return Handed(get_job, exchange, job_id)


def _queues(verb: str, summary: str) -> Callable[[DecoratedCallable], DecoratedCallable]:
    answers = describing.answers({202: shapes.Created}, 404, 409, 429)
    return router.post(f"/jobs/{{job_id}}/{verb}", status_code=202, summary=summary, responses=answers)


def _queued(services: Services, job: Job) -> Response:
    return json(created_view(job, services.options.link_base), 202)


@_queues("start", "Queue a job whose picture is uploaded")
async def start(services: TheServices, caller: Caller, job_id: str) -> Response:
    """Starting a job again that is queued, runs or is completed changes nothing and answers its state."""
    return _queued(services, await services.jobs.start(caller.tenant, job_id))


@router.post(
    "/jobs/{job_id}/cancel",
    summary="Stop a job",
    responses=describing.answers({200: shapes.Job}, 404, 409),
)
async def cancel(services: TheServices, caller: Caller, job_id: str) -> Response:
    """A queued job stops at once, a running one within seconds. 409 when it has ended already."""
    job = await services.jobs.cancel(caller.tenant, job_id)
    return json(job_view(job, services.options.link_base))


@_queues("retry", "Run a failed, cancelled or quarantined job again")
async def retry(services: TheServices, caller: Caller, job_id: str) -> Response:
    """With the same picture and pipeline; its counters and its error are cleared."""
    return _queued(services, await services.jobs.retry(caller.tenant, job_id))


@router.delete(
    "/jobs/{job_id}",
    status_code=204,
    summary="Delete a job with all its files",
    responses=describing.answers({}, 404, 409),
)
async def delete(services: TheServices, caller: Caller, job_id: str) -> Response:
    """In any state; a running one is stopped. 409 while it is held."""
    await services.jobs.delete(caller.tenant, job_id, caller.subject)
    return Response(status_code=204)


@router.get(
    "/jobs/{job_id}/outputs",
    summary="A job's outputs",
    responses=describing.answers({200: shapes.OutputPage}, 404),
)
async def outputs(services: TheServices, caller: Caller, job_id: str) -> Response:
    """Those there are now, in the pipeline's order; skipped ones tell why."""
    job = await services.jobs.get(caller.tenant, job_id)
    shown = job_view(job, services.options.link_base)
    return json({"items": shown["outputs"], "next_cursor": None})


@router.get(
    "/jobs/{job_id}/outputs/{step}",
    summary="One output's bytes",
    response_class=Response,
    responses=describing.answers({200: "image/*", 206: "image/*", 304: None, 416: None}, 404, 409, 410),
)
async def output(exchange: TheExchange, job_id: str, step: str) -> Response:
    """With ETag (the SHA-256), conditions and a range. 409 with `Retry-After` while the job is not
    done, 410 once its outputs are kept no longer."""
    return Handed(get_output, exchange, job_id, step)


@router.get(
    "/jobs/{job_id}/outputs.zip",
    summary="All outputs in one zip",
    response_class=Response,
    responses=describing.answers({200: "application/zip"}, 404, 409, 410),
)
async def outputs_zip(services: TheServices, caller: Caller, job_id: str) -> Response:
    """Written while it is sent, without compression; the files are `<step>.<extension>`."""
    job = await services.jobs.get(caller.tenant, job_id)
    made = outputs_of(job)
    headers = {name.decode(): value.decode() for name, value in SAFE if name != b"accept-ranges"}
    headers["content-disposition"] = f'attachment; filename="{job.id}.zip"'
    content = zipped(services.jobs.storage, made, job.finished_at or job.updated_at)
    return StreamingResponse(content, headers=headers, media_type="application/zip")


@router.get(
    "/jobs/{job_id}/events",
    dependencies=[RESUMING],
    summary="A job's events as they happen",
    response_class=Response,
    responses=describing.answers({200: MEDIA_TYPE, 204: None}, 400, 404),
)
async def events(exchange: TheExchange, services: TheServices, caller: Caller, job_id: str) -> Response:
    """Server-sent events: `job.updated` with a snapshot first, then with every change and progress.

    `output.ready` tells of each output, with its record, before the job's end: at the end of a short job, as
    soon as it can be fetched of one that runs longer than ANNOUNCE_AFTER_SECONDS.
    The stream ends with `job.completed`, `job.failed`, `job.cancelled`, `job.quarantined` or `job.deleted`.
    After `Last-Event-ID` it goes on where it broke off; 204 tells a listener who saw the end to stay away.
    """
    after = last_event_id(exchange)
    if after is not None:
        job = await services.jobs.get(caller.tenant, job_id)
        if job.terminal and after >= job.sequence:
            return Response(status_code=204)
    quiet = services.options.sse_heartbeat_seconds
    news = follow_job(services.jobs, caller.tenant, job_id, after, quiet)
    return await stream(await anext(news), news, services.options.link_base)


@router.put(
    "/uploads/{job_id}",
    summary="A job's picture, by its signed URL",
    openapi_extra={"requestBody": RAW_PICTURE},
    responses=describing.answers({200: shapes.Uploaded}, 400, 403, 404, 408, 409, 413, 415, 429, 503, 507),
)
async def put(exchange: TheExchange, job_id: str) -> Response:
    """The bytes as they are, streamed. The URL comes from `upload.url` of a job that was just created."""
    return Handed(put_upload, exchange, job_id)
