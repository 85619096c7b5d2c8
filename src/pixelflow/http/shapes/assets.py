"""Assets, and pictures as they are sent."""

from typing import Any

from pydantic import Field

from pixelflow.http.shapes.shape import SHA256, Moment, Shape


class Asset(Shape):
    """A picture that pipelines refer to by its id."""

    id: str = Field(examples=["ast_9f86d081884c7d659a2feaa0c55ad015"])
    format: str = Field(examples=["png"])
    media_type: str = Field(examples=["image/png"])
    bytes: int = Field(examples=[5120])
    sha256: str = Field(examples=[SHA256])
    created_at: Moment


class AssetPage(Shape):
    """A page of assets, newest first."""

    items: list[Asset]
    next_cursor: str | None


RAW_PICTURE: dict[str, Any] = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
NEW_ASSET: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        },
        **RAW_PICTURE["content"],
    },
}
