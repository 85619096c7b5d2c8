"""The OpenAPI document: FastAPI's, with the steps of a pipeline from the registry of operations."""

from inspect import cleandoc
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from pixelflow.http.shapes.problems import Problem
from pixelflow.operations.encoding import Encoding
from pixelflow.operations.pipeline import STEP_ID
from pixelflow.operations.registry import operations

REF = "#/components/schemas/{model}"


class Api(FastAPI):
    """FastAPI with this document."""

    def openapi(self) -> dict[str, Any]:
        """Made at the first call."""
        if self.openapi_schema is None:
            found = get_openapi(
                title=self.title, version=self.version, summary=self.summary, routes=self.routes
            )
            schemas = found["components"]["schemas"]
            schemas.update(_steps() | _models(Problem))
            # FastAPI's own shapes of errors, which are not what is answered here.
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            _drop_default_refusals(found)
            self.openapi_schema = found
        return self.openapi_schema


def _models(model: type[Any]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=REF)
    return {**schema.pop("$defs", {}), model.__name__: schema}


def _steps() -> dict[str, Any]:
    found: dict[str, Any] = {}
    encoding = Encoding.model_json_schema(ref_template=REF)
    found.update(encoding.pop("$defs", {}))
    steps: dict[str, str] = {}
    for action, operation in operations().items():
        schema = operation.model_json_schema(ref_template=REF)
        found.update(schema.pop("$defs", {}))
        name = "".join(word.capitalize() for word in action.split("_")) + "Step"
        options = encoding["properties"] if operation.produces == "image" else {}
        found[name] = {
            "type": "object",
            "title": name,
            "description": cleandoc(operation.__doc__ or ""),
            "required": ["id", "action", *schema.get("required", ())],
            "additionalProperties": False,
            "properties": {**_frame(action), **options, **schema.get("properties", {})},
        }
        steps[action] = REF.format(model=name)
    found["Step"] = {
        "description": "One step of a pipeline.",
        "oneOf": [{"$ref": ref} for ref in steps.values()],
        "discriminator": {"propertyName": "action", "mapping": steps},
    }
    return found


def _frame(action: str) -> dict[str, Any]:
    return {
        "id": {"type": "string", "pattern": STEP_ID},
        "action": {"type": "string", "const": action},
        "from": {
            "type": "string",
            "description": "The id of the step whose image it takes; left out, the source.",
        },
        "output": {"type": "boolean", "default": True, "description": "Whether the result is kept."},
        "on_error": {"type": "string", "enum": ["fail", "skip"], "default": "fail"},
    }


def _drop_default_refusals(document: dict[str, Any]) -> None:
    for path in document["paths"].values():
        for call in path.values():
            responses = call.get("responses", {})
            content = responses.get("422", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            if schema.get("$ref", "").endswith("/HTTPValidationError"):
                content.pop("application/json")
                if not content:
                    responses.pop("422")
