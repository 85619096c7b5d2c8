"""JSON into frozen dataclasses, as a client must read it: what it does not know is left aside."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

D = TypeVar("D", bound="DataclassInstance")


def known(model: type[D], document: Mapping[str, Any]) -> D:
    """The model with those fields of the document that it has; an absent or null field takes its default."""
    names = {field.name for field in fields(model)}
    return model(**{name: value for name, value in document.items() if name in names and value is not None})
