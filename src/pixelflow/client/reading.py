"""JSON into frozen dataclasses, as a client must read it: what it does not know is left aside."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

D = TypeVar("D", bound="DataclassInstance")
MOMENT = datetime | None


def known(model: type[D], document: Mapping[str, Any]) -> D:
    """The model with those fields of the document that it has; an absent or null field takes its default,
    and a time is read (RFC 3339). Raises ValueError for a document of something else."""
    types = {field.name: field.type for field in fields(model)}
    needed = {
        field.name for field in fields(model) if field.default is MISSING and field.default_factory is MISSING
    }
    if absent := {name for name in needed if document.get(name) is None}:
        raise ValueError(f"the answer is no {model.__name__}: it has no {', '.join(sorted(absent))}")
    return model(
        **{
            name: datetime.fromisoformat(value) if types[name] == MOMENT and isinstance(value, str) else value
            for name, value in document.items()
            if name in types and value is not None
        }
    )
