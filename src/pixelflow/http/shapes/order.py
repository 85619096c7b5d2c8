"""What is asked for with a job: the body of a request."""

from typing import Any

from pixelflow.http.shapes.keep import KEEP
from pixelflow.http.shapes.shape import PIPELINE

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
    "store": {
        "type": "object",
        "required": ["url"],
        "additionalProperties": False,
        "description": "Where the outputs are sent as well, before the job is completed.",
        "properties": {
            "url": {
                "type": "string",
                "description": "A URL to PUT to, as a presigned one, or a bucket of STORAGE_ALLOW; "
                "`{job_id}`, `{step}` and `{ext}` are filled in, and several outputs need `{step}`.",
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
