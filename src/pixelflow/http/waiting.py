"""``GET /v1/jobs/{id}``, at once or as a long poll."""

import math

from pixelflow.domain.errors import InvalidRequest, Problem
from pixelflow.domain.job import JobState
from pixelflow.http.exchange import Exchange
from pixelflow.http.view import encode, job_view


async def get_job(exchange: Exchange, job_id: str) -> None:
    """The job; with ``wait`` as soon as it has ended, or as it is after that many seconds."""
    services = exchange.services
    tenant = (await exchange.caller()).tenant
    query = exchange.scope["query_string"]
    seconds = _seconds(dict(exchange.query).get("wait", "0")) if query else 0.0
    job = await services.jobs.wait(tenant, job_id, min(seconds, services.options.max_wait_seconds))
    place = await services.jobs.admission.line.place(job) if job.state is JobState.QUEUED else None
    await exchange.json(200, encode(job_view(job, services.options.link_base, place=place)))


def _seconds(given: str) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        message = "wait must be a number of seconds, 0 or more"
        raise InvalidRequest(
            [Problem(message, "wait", value=given, allowed="0 or more; MAX_WAIT_SECONDS caps it")]
        )
    return seconds
