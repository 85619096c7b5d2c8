"""What will come of a pipeline, from its source's header alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pixelflow.domain.errors import ImageError
from pixelflow.domain.media import BY_NAME, same_as

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.operations.outline import Outline
    from pixelflow.operations.pipeline import Pipeline, Step


@dataclass(frozen=True, slots=True)
class Origin:
    """A source before it is decoded: its shape, format and bytes, ``None`` where they are not known."""

    outline: Outline
    format: str | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """An output as it will be; ``None`` is not known before there are pixels, or has no meaning."""

    id: str
    format: str | None
    width: int | None = None
    height: int | None = None
    alpha: bool | None = None
    frames: int | None = None
    bytes: int | None = None
    cpu_seconds: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Advice:
    """What the caller may not want: a stable code, the step, a sentence, and what to change."""

    code: str
    step: str | None
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """Everything that is known before the pipeline runs."""

    outputs: Sequence[Expected]
    warnings: Sequence[Advice] = ()


def predict(pipeline: Pipeline, origin: Origin, limits: ImageLimits) -> Prediction:
    """Each output's shape, in the order in which they were sent."""
    given = origin.outline if decoded_animated(pipeline, origin) else replace(origin.outline, frames=1)
    made: dict[str, Outline | None] = {}
    warnings: list[Advice] = []
    outputs: dict[str, Expected] = {}
    for step in pipeline.steps:
        taken = given if step.source is None else made[step.source]
        made[step.id] = result = _outline(step, taken, warnings)
        if step.output:
            outputs[step.id] = _expected(step, result, origin.format)
    return Prediction([outputs[step.id] for step in pipeline.outputs], warnings)


def written_as(step: Step, source_format: str | None) -> str | None:
    """The format of the step's file; ``None`` is not known."""
    if step.operation.produces != "image":
        return step.operation.produces
    if step.encoding.format == "same":
        return source_format and same_as(source_format)
    return step.encoding.format


def decoded_animated(pipeline: Pipeline, origin: Origin) -> bool:
    """Whether all frames of the source are decoded: some step or some output has a use for them."""
    return any(
        step.operation.chooses_frames
        or (step.output and (name := written_as(step, origin.format)) in BY_NAME and BY_NAME[name].animated)
        for step in pipeline.steps
    )


def _outline(step: Step, taken: Outline | None, warnings: list[Advice]) -> Outline | None:
    if taken is None or step.operation.produces != "image":
        return None
    try:
        return step.operation.outline(taken, {})
    except ImageError as error:
        fix = "change the step, or set its on_error to skip to keep the others"
        warnings.append(Advice(f"will_fail_{error.code}", step.id, error.detail, fix))
        return None


def _expected(step: Step, made: Outline | None, source_format: str | None) -> Expected:
    name = written_as(step, source_format)
    if made is None:
        return Expected(step.id, name)
    known = BY_NAME.get(name or "")
    return Expected(
        step.id,
        name,
        made.width,
        made.height,
        alpha=None if known is None else made.alpha if known.alpha else False,
        frames=made.frames if known and known.animated else 1 if known else None,
    )
