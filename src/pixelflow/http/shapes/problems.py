"""Errors as the API shows them."""

from typing import Any

from pydantic import BaseModel, Field

from pixelflow.http.shapes.shape import Shape


class RefusedValue(Shape):
    """One value that is refused: where it is and what is allowed."""

    step: str | None = Field(examples=["thumb_small"])
    field: str = Field(examples=["width"])
    value: Any = Field(examples=[0])
    allowed: str | None = Field(examples=["1 to 65535"])
    message: str


class Problem(BaseModel):
    """An error (RFC 9457); further members tell what is needed to act on it: a limit, a setting, a state."""

    type: str = Field(examples=["/docs#invalid"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["invalid"])
    request_id: str = Field(examples=["5f0c1d2e3b4a5968"])
    errors: list[RefusedValue] | None = None
