"""How routes are described: their answers with an example of every refusal."""

from http import HTTPStatus
from inspect import cleandoc
from typing import Any

from pydantic import BaseModel

from pixelflow.http.errors import TABLE, TITLES
from pixelflow.http.shapes.shape import JOB_ID

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
    410: (
        "output_gone",
        f"the outputs of job {JOB_ID} were kept until 2026-03-08 12:00:00 UTC",
        {"job_id": JOB_ID, "setting": "OUTPUT_TTL_SECONDS"},
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
        "step 'thumb_small': width cannot be 0; allowed is 1–65535 or a percentage such as \"50%\"",
        {
            "errors": [
                {
                    "step": "thumb_small",
                    "field": "width",
                    "value": 0,
                    "allowed": '1–65535 or a percentage such as "50%"',
                    "message": "step 'thumb_small': width cannot be 0; allowed is 1–65535 or a percentage "
                    'such as "50%"',
                }
            ]
        },
    ),
    429: (
        "quota_exceeded",
        "this tenant has 1000 jobs today and asks for 1 more; TENANT_JOBS_PER_DAY allows 1000",
        {
            "quota": "jobs_per_day",
            "limit": 1000,
            "value": 1000,
            "asked": 1,
            "setting": "TENANT_JOBS_PER_DAY",
            "retry_after": 3600,
            "window_seconds": 86400,
        },
    ),
    503: ("queue_full", "1000000 jobs are queued; MAX_QUEUE_DEPTH allows 1000000", {"retry_after": 5}),
    507: ("storage_full", "there is no space left for this; nothing was kept", {"retry_after": 30}),
}


def problem_example(status: int) -> dict[str, Any]:
    """A problem document as an answer with that status could be."""
    code, detail, extra = EXAMPLES[status]
    usual = TITLES.get(status, HTTPStatus(status).phrase)
    title = next((words for number, words in TABLE.values() if number == status), usual)
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
            described |= {"model": body, "description": cleandoc(body.__doc__ or "")}
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
