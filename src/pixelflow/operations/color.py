"""Colours as callers write them: ``#rgb``, ``#rrggbb``, either with alpha, CSS names, ``transparent``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from pixelflow.operations.color_names import NAMES

_HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)


@lru_cache(maxsize=512)
def rgba(color: str) -> tuple[int, int, int, int]:
    """Red, green, blue and alpha, 0–255 each; raises ValueError for what is no colour."""
    name = color.strip().lower()
    if name == "transparent":
        return 0, 0, 0, 0
    if name in NAMES:
        value = NAMES[name]
        return value >> 16, value >> 8 & 255, value & 255, 255
    if not _HEX.fullmatch(name):
        raise ValueError(f"{color[:40]!r} is not a colour")
    digits = name[1:] if len(name) > 5 else "".join(digit * 2 for digit in name[1:])
    red, green, blue, *alpha = bytes.fromhex(digits)
    return red, green, blue, alpha[0] if alpha else 255


def _color(value: str) -> str:
    rgba(value)
    return value.strip().lower()


def _backdrop(value: str) -> str:
    return value if value in {"auto", "blur"} else _color(value)


def _edge_or_color(value: str) -> str:
    return value if value == "auto" else _color(value)


def _schema(*words: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "format": "color", "examples": ["#ff8800", "white", *words]})


Color = Annotated[str, AfterValidator(_color), _schema()]
"""A colour, kept as it was written."""
EdgeColor = Annotated[str, AfterValidator(_edge_or_color), _schema("auto")]
"""A colour, or ``auto``: the mean of the picture's outermost pixels."""
Backdrop = Annotated[str, AfterValidator(_backdrop), _schema("auto", "blur")]
"""A colour, ``auto``, or ``blur``: the picture itself, stretched and blurred."""
