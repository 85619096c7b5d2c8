"""Fields that are described where they are declared."""

import ast
import inspect
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from textwrap import dedent

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class Described(BaseModel):
    """A model whose fields' docstrings are their descriptions in its JSON Schema.

    They are read when a schema is asked for: pydantic's own ``use_attribute_docstrings`` parses the sources
    at every import, which costs each decoder and each server 0.1 s of its start.
    """

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        docstrings = field_docstrings(cls)
        for name, field in cls.model_fields.items():
            known = properties.get(name) or properties.get(field.alias or name)
            if known is not None and name in docstrings:
                known.setdefault("description", docstrings[name])
        return schema


@cache
def field_docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    """The string below each field's declaration, by field, in this class and those it inherits from."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, Described) and owner is not Described:
            found |= _declared(owner)
    return found


def _declared(owner: type) -> dict[str, str]:
    (tree,) = ast.parse(dedent(inspect.getsource(owner))).body
    assert isinstance(tree, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(tree.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
