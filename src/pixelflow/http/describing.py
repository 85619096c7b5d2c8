"""How routes are described: their answers with an example of every refusal, and the bodies they take."""

from http import HTTPStatus
from inspect import cleandoc
from typing import Any

from pydantic import BaseModel

from pixelflow.domain.keep import MAX_KEEP_SECONDS, PARTS
from pixelflow.http.errors import TABLE, TITLES
from pixelflow.http.schemas import JOB_ID, PIPELINE

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
    507: (
        "disk_full",
        "1048576 bytes are free on the disk; MIN_FREE_BYTES keeps 268435456",
        {"retry_after": 5},
    ),
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


KEEP: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "description": "Seconds from the job's end until each of these goes; no longer than the server's "
    "settings allow.",
    "properties": {part: {"type": "number", "minimum": 0, "maximum": MAX_KEEP_SECONDS} for part in PARTS},
}
ORDER: dict[str, Any] = {
    "pipeline": {
        "type": "array",
        "minItems": 1,
        "maxItems": 20,
        "items": {"$ref": "#/components/schemas/Step"},
    },
    "template": {
        "type": "string",
        "examples": ["thumb", "thumb@3", "thumb@canary"],
        "description": "In place of a pipeline: the name of one in /v1/templates.",
    },
    "priority": {"type": "integer", "minimum": -10, "maximum": 10, "default": 0},
    "metadata": {"type": "object", "description": "Comes back with the job; at most 8192 bytes of JSON."},
    "webhook_url": {"type": "string", "format": "uri", "description": "https, without credentials."},
    "expires_in": {
        "type": "number",
        "minimum": 1,
        "maximum": 30 * 86400,
        "description": "Seconds after which the job and its files are deleted.",
    },
    "keep": KEEP,
    "scheduled_at": {
        "type": "string",
        "format": "date-time",
        "description": "Not before this moment (RFC 3339; UTC without an offset); a past one is now. "
        "MAX_SCHEDULE_SECONDS is how far ahead it may be.",
    },
    "deadline_seconds": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "Wall time of a run, up to MAX_JOB_SECONDS; the job fails (`timeout`) after it.",
    },
}
_REMOTE: dict[str, Any] = {
    "url": {
        "type": "string",
        "description": "With `url` only: http or https without credentials, or a bucket of STORAGE_ALLOW.",
    },
    "headers": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "With `url` only: sent to that host alone, and shown to nobody.",
    },
    "sha256": {
        "type": "string",
        "pattern": "^[0-9a-fA-F]{64}$",
        "description": "With `url` only: what the picture's bytes must have.",
    },
}
ORDER["store"] = {
    "type": "object",
    "required": ["url"],
    "additionalProperties": False,
    "description": "Where the outputs are sent as well, before the job is completed.",
    "properties": {
        "url": {
            "type": "string",
            "description": "A URL to PUT to, as a presigned one, or a bucket of STORAGE_ALLOW; `{job_id}`, "
            "`{step}` and `{ext}` are filled in, and several outputs need `{step}`.",
        },
        "headers": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Of the PUT; shown to nobody.",
        },
        "naming": {
            "type": "string",
            "default": "{job_id}/{step}.{ext}",
            "description": "The name of each output in a bucket.",
        },
    },
}
NEW_JOB: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "oneOf": [{"required": ["pipeline"]}, {"required": ["template"]}],
                "properties": {"file": {"type": "string", "format": "binary"}, **ORDER},
            },
            "encoding": {"pipeline": {"contentType": "application/json"}},
        },
        "application/json": {
            "schema": {
                "type": "object",
                "oneOf": [{"required": ["pipeline"]}, {"required": ["template"]}],
                "additionalProperties": False,
                "properties": {
                    "source_type": {
                        "type": "string",
                        "enum": ["upload", "s3_presigned", "url", "base64"],
                        "default": "upload",
                    },
                    "image_data": {"type": "string", "format": "byte", "description": "With `base64` only."},
                    **_REMOTE,
                    **ORDER,
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
                "url": {
                    "summary": "The picture is fetched",
                    "value": {
                        "source_type": "url",
                        "url": "https://pictures.example/parrots.png",
                        "headers": {"Authorization": "Bearer …"},
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
PLAN: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "oneOf": [{"required": ["pipeline"]}, {"required": ["template"]}],
                "additionalProperties": False,
                "properties": {
                    "source": {
                        "type": "object",
                        "description": "`width`, `height` and `format`, or the `job_id` of a job's picture.",
                        "additionalProperties": False,
                        "properties": {
                            "width": {"type": "integer", "minimum": 1, "description": "Pixels, upright."},
                            "height": {"type": "integer", "minimum": 1},
                            "format": {"type": "string", "examples": ["jpeg"]},
                            "frames": {"type": "integer", "minimum": 1, "default": 1},
                            "alpha": {"type": "boolean"},
                            "depth": {"type": "integer", "enum": [8, 16], "default": 8},
                            "bytes": {"type": "integer", "minimum": 1},
                            "job_id": {"type": "string", "examples": [JOB_ID]},
                        },
                    },
                    "pipeline": ORDER["pipeline"],
                    "template": ORDER["template"],
                },
            },
            "example": {
                "source": {"width": 4000, "height": 3000, "format": "jpeg"},
                "pipeline": PIPELINE,
            },
        }
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
