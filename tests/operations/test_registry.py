"""What the server says that it can do."""

import json
import subprocess
import sys

import pytest

from pixelflow.operations.registry import describe, operations

BUILT_IN = {
    "adjust",
    "animate",
    "auto_orient",
    "background",
    "blur",
    "blurhash",
    "border",
    "clahe",
    "composite",
    "contact_sheet",
    "convolve",
    "crop",
    "duotone",
    "equalize",
    "extend",
    "flip",
    "frames",
    "gamma",
    "gradient",
    "grayscale",
    "icc",
    "info",
    "invert",
    "median",
    "metadata",
    "noise",
    "normalize",
    "pad",
    "palette",
    "phash",
    "pixelate",
    "redact",
    "resize",
    "responsive_set",
    "rotate",
    "round_corners",
    "sepia",
    "sharpen",
    "text",
    "threshold",
    "thumbhash",
    "thumbnail",
    "tiles",
    "tint",
    "trim",
    "unsharp",
    "vignette",
    "watermark",
    "zoom",
}
JSON = {"blurhash", "info", "palette", "phash", "thumbhash"}
ZIP = {"responsive_set", "tiles"}
KEYWORDS = {
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "default",
    "description",
    "enum",
    "examples",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "propertyNames",
    "required",
    "title",
    "type",
}


def schemas(node):
    """Every schema in a schema."""
    yield node
    for key in ("anyOf",):
        for one in node.get(key, []):
            yield from schemas(one)
    for key in ("items", "propertyNames", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from schemas(node[key])
    for key in ("properties", "$defs"):
        for one in node.get(key, {}).values():
            yield from schemas(one)


@pytest.fixture(params=describe(), ids=lambda one: one["name"])
def described(request):
    return request.param


def test_all_of_them_are_there():
    assert {one["name"] for one in describe()} == BUILT_IN == set(operations())


def test_a_description_is_json_and_complete(described):
    assert json.loads(json.dumps(described)) == described
    assert set(described) == {"name", "family", "title", "description", "parameters", "animated", "output"}
    assert len(described["description"]) > 10
    kinds = {**dict.fromkeys(JSON, "json"), **dict.fromkeys(ZIP, "zip")}
    assert described["output"] == kinds.get(described["name"], "image")


def test_every_parameter_says_what_it_is_for(described):
    for name, schema in described["parameters"].get("properties", {}).items():
        assert len(schema.get("description", "")) > 5, f"{described['name']}.{name}"


def test_the_schema_stands_alone(described):
    parameters = described["parameters"]
    defined = {f"#/$defs/{name}" for name in parameters.get("$defs", {})}
    for schema in schemas(parameters):
        assert set(schema) <= KEYWORDS
        if "$ref" in schema:
            assert schema["$ref"] in defined
        for kind in [schema.get("type", "object")]:
            assert kind in {"object", "string", "integer", "number", "boolean", "array", "null"}
    assert parameters["additionalProperties"] is False


def test_the_api_process_never_loads_libvips():
    program = (
        "import sys\n"
        "from pixelflow.operations.registry import describe, operations\n"
        "from pixelflow.operations.pipeline import parse\n"
        "operations(); describe(); parse([{'id': 'a', 'action': 'text', 'text': 'x'}])\n"
        "print(sorted({'pyvips', 'numpy', 'PIL', 'simplejpeg'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
