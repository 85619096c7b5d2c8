"""What operators are shown."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pixelflow.http.shapes.shape import MOMENT, Shape


class Health(Shape):
    """The process answers."""

    status: Literal["ok"]


class ReadinessCheck(Shape):
    """One thing that should be well."""

    name: str = Field(examples=["store"])
    good: bool
    vital: bool = Field(description="Whether no work is taken without it")
    detail: str
    facts: dict[str, Any] | None = Field(
        None,
        description="Figures of a part, as of each of the keeper's duties",
        examples=[
            {
                "period_seconds": 5.0,
                "last_run": MOMENT,
                "seconds": 0.0021,
                "count": 0,
                "found": 3,
                "failures": 0,
                "last_error": None,
                "lag_seconds": 0.0,
            }
        ],
    )


class Readiness(Shape):
    """Whether work is taken, and why not."""

    status: Literal["ready", "not_ready"]
    checks: list[ReadinessCheck]


class Version(BaseModel):
    """Versions of PixelFlow and of what its decoders have loaded, by name; which these are depends on the
    installation."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"additionalProperties": {"type": "string"}},
    )

    version: str = Field(examples=["0.1.0"])
    libvips: str | None = Field(default=None, examples=["8.18.7"])


class Pool(Shape):
    """The pool of decoders."""

    size: int = Field(ge=1, examples=[4])


NEW_POOL: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/Pool"}, "example": {"size": 4}}
    },
}
