"""The API's page: the OpenAPI document as plain HTML, with one style sheet of its own and nothing else."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from pixelflow.http.codes import CODES

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } h2 { margin-top: 2.5rem; border-bottom: 1px solid #8885 }
details { border: 1px solid #8885; border-radius: .4rem; margin: .5rem 0; padding: .4rem .8rem }
summary { cursor: pointer } summary code { font-weight: 600 }
pre { overflow-x: auto; background: #8882; padding: .6rem; border-radius: .4rem; font-size: .85rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top;
  padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #8883 }
.method { display: inline-block; min-width: 4.2rem; font: 600 .8rem monospace }
""".strip()
POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)


def render(document: Mapping[str, Any]) -> str:
    """The whole page."""
    info = document["info"]
    return "".join(
        (
            "<!doctype html><html lang=en><meta charset=utf-8>",
            "<meta name=viewport content='width=device-width'>",
            f"<title>{escape(info['title'])} API</title><style>{STYLE}</style>",
            f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
            f"<p>{escape(info.get('summary', ''))} ",
            "The same for programs: <a href=/openapi.json>openapi.json</a>.</p>",
            *_calls(document),
            "<h2 id=errors>Error codes</h2><table>",
            *(f"<tr id='{code}'><td><code>{code}</code><td>{escape(words)}" for code, words in CODES.items()),
            "</table><h2 id=schemas>Schemas</h2>",
            *_schemas(document),
        )
    )


def _calls(document: Mapping[str, Any]) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            by_tag.setdefault(call.get("tags", ["other"])[0], []).append("".join(_call(path, method, call)))
    for tag, calls in by_tag.items():
        yield f"<h2>{escape(tag.capitalize())}</h2>"
        yield from calls


def _call(path: str, method: str, call: Mapping[str, Any]) -> Iterator[str]:
    yield f"<details><summary><span class=method>{escape(method.upper())}</span><code>{escape(path)}</code> "
    yield f"{escape(call.get('summary', ''))}</summary><p>{escape(call.get('description', ''))}</p>"
    if parameters := call.get("parameters"):
        yield "<table><tr><th>parameter<th>in<th>schema"
        for parameter in parameters:
            yield f"<tr><td><code>{escape(parameter['name'])}</code><td>{escape(parameter['in'])}"
            yield f"<td><code>{escape(json.dumps(parameter.get('schema', {})))}</code> "
            yield escape(parameter.get("description", ""))
        yield "</table>"
    for kind, content in call.get("requestBody", {}).get("content", {}).items():
        yield f"<h4>Body: <code>{escape(kind)}</code></h4>{_content(content)}"
    yield "<h4>Answers</h4><table>"
    for status, answer in call["responses"].items():
        yield f"<tr><td><code>{escape(str(status))}</code><td>{escape(answer.get('description', ''))}"
        for kind, content in answer.get("content", {}).items():
            yield f" <code>{escape(kind)}</code>{_content(content)}"
    yield "</table></details>"


def _content(content: Mapping[str, Any]) -> str:
    shown = []
    if "example" in content:
        shown.append(_json(content["example"]))
    shown += [_json(example["value"]) for example in content.get("examples", {}).values()]
    schema = content.get("schema", {})
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        shown.append(f"<a href='#schema-{escape(name)}'>{escape(name)}</a>")
    elif schema and not shown:
        shown.append(_json(schema))
    return " ".join(shown)


def _schemas(document: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f"<details id='schema-{escape(name)}'><summary><code>{escape(name)}</code> "
        yield f"{escape(schema.get('description', ''))}</summary>{_json(schema)}</details>"


def _json(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
