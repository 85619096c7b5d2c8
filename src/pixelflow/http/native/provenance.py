"""What a job was made of and with, and the same once more."""

from fastapi import APIRouter, Response

from pixelflow.http import describing
from pixelflow.http.idempotent import REPLAYED, promising
from pixelflow.http.native.given import KEYED, Caller, TheExchange, TheServices, json
from pixelflow.http.shapes import provenance as shapes
from pixelflow.http.shapes.jobs import Created
from pixelflow.http.view import created_view

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["provenance"])


@router.get(
    "/manifest",
    summary="What a job's outputs were made of and with",
    responses=describing.answers({200: shapes.ManifestShape}, 404, 409),
)
async def manifest(services: TheServices, caller: Caller, job_id: str) -> Response:
    """SHA-256 of source, pipeline and outputs, versions of the software, CPU seconds by phase. 409 until the
    job has ended."""
    return json(shapes.manifest_view(await services.provenance.manifest(caller.tenant, job_id)))


@router.post(
    "/replay",
    dependencies=[KEYED],
    status_code=202,
    summary="Run an ended job again, as a new job",
    responses=describing.answers({202: Created}, 400, 404, 409, 422, 429, 503, 507),
)
async def replay(exchange: TheExchange, services: TheServices, caller: Caller, job_id: str) -> Response:
    """The same steps on the same picture, past the step cache; no webhook is called and nothing is sent.
    `GET /v1/jobs/{id}/comparison` of the new job tells whether it made the same. 409 when the picture is kept
    no longer."""
    with promising(exchange, caller.tenant) as promise:
        created = await services.provenance.replay(caller.tenant, job_id, lambda: promise({}, None))
    base = services.options.link_base
    headers = {"location": f"{base}/v1/jobs/{created.job.id}"}
    if created.replayed:
        headers[REPLAYED[0].decode()] = REPLAYED[1].decode()
    return json(created_view(created.job, base), 202, headers)


@router.get(
    "/comparison",
    summary="A replay beside the job that it runs again",
    responses=describing.answers({200: shapes.ComparisonShape}, 404, 409),
)
async def comparison(services: TheServices, caller: Caller, job_id: str) -> Response:
    """Output by output, by SHA-256; and each version or limit of the software that differs."""
    return json(shapes.comparison_view(await services.provenance.comparison(caller.tenant, job_id)))
