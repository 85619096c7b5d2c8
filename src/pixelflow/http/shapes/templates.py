"""Templates as the API takes and shows them."""

from typing import Any, Literal

from pydantic import Field

from pixelflow.domain.difference import Difference
from pixelflow.domain.template import ALIAS, MAX_DESCRIPTION, NAME, Meanings, Template
from pixelflow.http.shapes.keep import KEEP, Keep
from pixelflow.http.shapes.shape import PIPELINE, Moment, Shape
from pixelflow.http.view import moment


class TemplateShape(Shape):
    """One version of a template, and what the template's names mean."""

    id: str = Field(examples=["thumb@3"])
    name: str = Field(examples=["thumb"])
    version: int = Field(examples=[3])
    current_version: int = Field(examples=[2], description="What the bare name means.")
    newest_version: int = Field(examples=[3], description="What `latest` means.")
    aliases: dict[str, int] = Field(examples=[{"canary": 3}])
    built_in: bool = Field(description="The server's own `default`.")
    pipeline: list[dict[str, Any]] = Field(examples=[PIPELINE])
    description: str | None = Field(examples=["For lists"])
    created_at: Moment | None
    keep: Keep | None = Field(description="For how long its jobs are kept, where they say nothing of it")


class TemplatePage(Shape):
    """A page of templates."""

    items: list[TemplateShape]
    next_cursor: str | None


class StepDifference(Shape):
    """One step that differs: `step` is the whole of one that came or went, `fields` what changed in one that
    stayed, of each `from` and `to` where it was set."""

    id: str = Field(examples=["thumb_small"])
    change: Literal["added", "removed", "changed"]
    step: dict[str, Any] | None = None
    fields: list[dict[str, Any]] | None = Field(None, examples=[[{"field": "width", "from": 150, "to": 200}]])


class TemplateDifference(Shape):
    """What lies between two versions; `lines` say the same for people."""

    name: str = Field(examples=["thumb"])
    from_version: int = Field(examples=[2])
    to_version: int = Field(examples=[3])
    same: bool
    moved: bool = Field(description="The steps that both have are in another order.")
    steps: list[StepDifference]
    lines: list[str] = Field(examples=[["~ thumb_small: width 150 → 200"]])


def template_view(template: Template, meanings: Meanings) -> dict[str, Any]:
    """One version."""
    return {
        "id": template.id,
        "name": template.name,
        "version": template.version,
        "current_version": meanings.current,
        "newest_version": meanings.newest,
        "aliases": meanings.aliases,
        "built_in": template.created_at is None,
        "pipeline": template.pipeline,
        "description": template.description,
        "created_at": moment(template.created_at),
        "keep": template.keep,
    }


def difference_view(old: Template, new: Template, found: Difference) -> dict[str, Any]:
    """What lies between them."""
    steps: list[dict[str, Any]] = []
    for step in found.steps:
        shown: dict[str, Any] = {"id": step.id, "change": step.change}
        if step.step is not None:
            shown["step"] = step.step
        else:
            shown["fields"] = [{"field": each.field, **each.values} for each in step.fields]
        steps.append(shown)
    return {
        "name": new.name,
        "from_version": old.version,
        "to_version": new.version,
        "same": found.same,
        "moved": found.moved,
        "steps": steps,
        "lines": found.lines,
    }


def _body(required: bool, example: dict[str, Any], **properties: dict[str, Any]) -> dict[str, Any]:
    needed = [name for name in ("name", "pipeline", "version") if name in properties]
    schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if needed:
        schema["required"] = needed
    return {"required": required, "content": {"application/json": {"schema": schema, "example": example}}}


_ALIAS = {"type": "string", "pattern": f"^{ALIAS.pattern}$", "description": "Left out, the bare name."}
NEW_TEMPLATE = _body(
    True,
    {"name": "thumb", "pipeline": PIPELINE, "description": "For lists"},
    name={"type": "string", "pattern": f"^{NAME.pattern}$"},
    pipeline={
        "type": "array",
        "minItems": 1,
        "maxItems": 20,
        "items": {"$ref": "#/components/schemas/Step"},
    },
    description={"type": "string", "minLength": 1, "maxLength": MAX_DESCRIPTION},
    keep=KEEP,
)
PROMOTE = _body(
    True,
    {"version": 3},
    version={
        "oneOf": [{"type": "integer", "minimum": 1}, {"type": "string"}],
        "description": "Its number, or an alias that means it; `latest` is the newest.",
    },
    alias=_ALIAS,
)
ROLLBACK = _body(False, {}, alias=_ALIAS)
