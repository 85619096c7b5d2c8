"""The one picture that a dialect's job makes."""

from typing import Any

from fastapi import Response

from pixelflow.control.outputs import first_output
from pixelflow.http.dialects.manner import dialect_answers
from pixelflow.http.download import send_output
from pixelflow.http.exchange import Exchange
from pixelflow.http.native.handed import Handed

PICTURE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}},
    **dialect_answers(404, 409, 410),
}


async def first_picture(exchange: Exchange, tenant: str, job_id: str) -> Response:
    """A job's first output; a refusal is raised at once, so that the route says it in its own manner."""
    output = first_output(await exchange.services.jobs.get(tenant, job_id))
    return Handed(lambda inner: send_output(inner, output), exchange)
