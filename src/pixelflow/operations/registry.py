"""Which operations there are: the built-in families, and what installed packages add."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from inspect import cleandoc
from types import MappingProxyType
from typing import Any

from pixelflow.domain.errors import StartupError
from pixelflow.operations.base import Operation

FAMILIES = (
    "resizing",
    "cropping",
    "orientation",
    "canvas",
    "corners",
    "filters",
    "redaction",
    "colors",
    "tones",
    "light",
    "overlays",
    "text",
    "montage",
    "metadata",
    "profiles",
    "animation",
    "info",
    "fingerprints",
    "tiles",
    "responsive",
)
ENTRY_POINT_GROUP = "pixelflow.operations"
"""A plug-in's entry point in this group names a list of Operation classes."""


@cache
def operations() -> Mapping[str, type[Operation]]:
    """All operations by action; raises StartupError when two claim the same name."""
    found: dict[str, type[Operation]] = {}
    for operation in _all():
        if found.setdefault(operation.action, operation) is not operation:
            raise StartupError(
                f"two operations are called {operation.action!r}: {found[operation.action].__module__} and "
                f"{operation.__module__}; uninstall one of them"
            )
    return MappingProxyType(found)


def _all() -> Iterable[type[Operation]]:
    for family in FAMILIES:
        yield from import_module(f"pixelflow.operations.{family}").OPERATIONS
    for point in entry_points(group=ENTRY_POINT_GROUP):
        yield from point.load()


def describe() -> list[dict[str, Any]]:
    """Every operation as ``GET /v1/operations`` shows it, its parameters as JSON Schema."""
    return [
        {
            "name": operation.action,
            "family": operation.family,
            "title": operation.action.replace("_", " ").capitalize(),
            "description": cleandoc(operation.__doc__ or ""),
            "parameters": operation.model_json_schema(),
            "animated": operation.animated,
            "output": operation.produces,
        }
        for operation in operations().values()
    ]
