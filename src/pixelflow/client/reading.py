"""JSON into frozen dataclasses, as a client must read it: what it does not know is left aside."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

D = TypeVar("D", bound="DataclassInstance")
MOMENT = datetime | None


def known(model: type[D], document: Mapping[str, Any]) -> D:
    """The model with those fields of the document that it has; an absent or null field takes its default,
    and a time is read (RFC 3339)."""
    types = {field.name: field.type for field in fields(model)}
    return model(
        **{
            name: datetime.fromisoformat(value) if types[name] == MOMENT and isinstance(value, str) else value
            for name, value in document.items()
            if name in types and value is not None
        }
    )
