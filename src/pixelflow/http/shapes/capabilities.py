"""Operations and formats as the API shows them."""

from typing import Any, Literal

from pydantic import Field

from pixelflow.http.shapes.shape import Shape


class Operation(Shape):
    """An operation; `parameters` is a JSON Schema."""

    name: str = Field(examples=["resize"])
    family: str
    title: str
    description: str
    parameters: dict[str, Any]
    animated: bool
    output: Literal["image", "json", "zip"]


class Operations(Shape):
    """All operations of this server."""

    operations: list[Operation]


class Format(Shape):
    """An image format; `max_depth` in bits a channel."""

    name: str = Field(examples=["webp"])
    media_type: str = Field(examples=["image/webp"])
    extensions: list[str] = Field(examples=[["webp"]])
    reads: bool
    writes: bool
    animated: bool
    alpha: bool
    max_depth: int
    extra: str | None


class Formats(Shape):
    """All formats that PixelFlow knows."""

    formats: list[Format]
