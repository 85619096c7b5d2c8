"""Proportions and positions as callers write them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Position = (
    Annotated[int, Field(ge=-65535, le=65535)]
    | Annotated[str, Field(pattern=r"^-?\d{1,5}(\.\d{1,3})?%$", examples=["10%"])]
)
"""Whole pixels, or a percentage of the picture's side; negative is the other way."""
Extent = (
    Annotated[int, Field(ge=0, le=65535)]
    | Annotated[str, Field(pattern=r"^\d{1,5}(\.\d{1,3})?%$", examples=["10%"])]
)
"""Whole pixels from 0 on, or a percentage of the picture's side."""
AspectRatio = (
    Annotated[float, Field(ge=0.001, le=1000)]
    | Annotated[str, Field(pattern=r"^[1-9]\d{0,4}(\.\d{1,3})?:[1-9]\d{0,4}(\.\d{1,3})?$", examples=["16:9"])]
)
"""Width by height: a number, or two with a colon between."""


def distance(length: int | str, side: int) -> int:
    """A ``Position`` or ``Extent`` in whole pixels of a side."""
    if isinstance(length, str):
        return round(side * float(length.rstrip("%")) / 100)
    return length


def ratio(aspect: float | str) -> float:
    """Width divided by height."""
    if isinstance(aspect, str):
        width, _, height = aspect.partition(":")
        return float(width) / float(height)
    return aspect
