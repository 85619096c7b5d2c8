"""What will come of a pipeline, from its source's header alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from pixelflow.domain.errors import ImageError
from pixelflow.domain.media import BY_NAME, DRAWN, PAGED
from pixelflow.imaging import advice
from pixelflow.imaging.cost import Source, costs
from pixelflow.imaging.limits import check_bytes, check_picture
from pixelflow.imaging.plan import works
from pixelflow.operations.outline import Outline
from pixelflow.operations.references import SOURCE, STEP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.advice import Advice
    from pixelflow.imaging.cost import Cost
    from pixelflow.operations.pipeline import Pipeline, Step


@dataclass(frozen=True, slots=True)
class Origin:
    """A source before it is decoded: its shape, format and bytes, ``None`` where they are not known."""

    outline: Outline
    format: str | None = None
    bytes: int | None = None
    converted: bool = False
    """Whether its colours have to be converted to sRGB."""
    cmyk: bool = False
    turned: bool = False
    """Whether it is stored otherwise than upright."""


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
    cpu_seconds: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """Everything that is known before the pipeline runs."""

    outputs: Sequence[Expected]
    warnings: Sequence[Advice] = ()


def unknown(limits: ImageLimits) -> Origin:
    """Any picture that the limits allow."""
    sides = (1, limits.max_image_side)
    return Origin(Outline(sides, sides, frames=None, alpha=None, depth=None))


def predict(pipeline: Pipeline, origin: Origin, limits: ImageLimits) -> Prediction:
    """Each output's shape in the order in which they were sent, and what the caller may not want."""
    warnings = list(_judged(origin, limits))
    moving = decoded_animated(pipeline, origin)
    given = origin.outline if moving else replace(origin.outline, frames=1)
    given = replace(given, paged=origin.format in PAGED | DRAWN)
    known: dict[str, Outline] = {SOURCE: replace(origin.outline, frames=1)}
    shapes: dict[str, Outline] = {}
    formats = {step.id: written_as(step, origin.format) for step in pipeline.steps}
    for step in pipeline.steps:
        taken = given if step.source is None else shapes.get(step.source)
        if taken is None or step.operation.produces != "image":
            continue
        try:
            made = _outline(step, taken, known)
        except ImageError as error:
            warnings.append(advice.failing(step, error))
            continue
        if over := _over(step, made, limits):
            warnings.append(over)
            continue
        shapes[step.id] = known[STEP + step.id] = made
        moves = (made.frames or 1) > 1 or (not moving and (origin.outline.frames or 1) > 1)
        warnings += advice.of_step(step, taken, made, formats[step.id], moves=moves)
    start = Source(given, origin.format, origin.bytes, origin.converted, origin.cmyk, origin.turned)
    bounded = _bounded(pipeline, given, shapes, limits)
    spent = {
        name: cost for name, cost in costs(works(pipeline), start, shapes, formats).items() if name in bounded
    }
    outputs = [
        _expected(step, formats[step.id], shapes.get(step.id), spent.get(step.id))
        for step in pipeline.outputs
    ]
    warnings += advice.of_pipeline(pipeline)
    warnings += advice.of_costs(pipeline, spent, limits)
    return Prediction(outputs, warnings)


def written_as(step: Step, source_format: str | None) -> str | None:
    """The format of the step's file; ``None`` is not known."""
    if step.operation.produces != "image":
        return step.operation.produces
    possible = step.encoding.possible(source_format)
    return possible[0] if len(possible) == 1 else None


def decoded_animated(pipeline: Pipeline, origin: Origin) -> bool:
    """Whether all frames of the source are decoded: some step or some output has a use for them."""
    return any(
        step.operation.chooses_frames
        or (
            step.output
            and step.operation.produces == "image"
            and any(BY_NAME[name].animated for name in step.encoding.possible(origin.format))
        )
        for step in pipeline.steps
    )


def _judged(origin: Origin, limits: ImageLimits) -> Sequence[Advice]:
    try:
        if origin.bytes is not None:
            check_bytes(origin.bytes, limits)
    except ImageError as error:
        return [advice.failing(None, error)]
    over = _over(None, origin.outline, limits)
    return [over] if over else ()


def _over(step: Step | None, shape: Outline, limits: ImageLimits) -> Advice | None:
    """What is said of a source or a result that is over a limit."""
    if shape.size:
        try:
            check_picture(*shape.size, limits, frames=shape.frames or 1, step=step.id if step else None)
        except ImageError as error:
            return advice.over_limit(step, error, shape, limits)
    return None


def _outline(step: Step, taken: Outline, known: Mapping[str, Outline]) -> Outline:
    """The result's; raises ImageError where it is known that the step cannot be done."""
    operation = step.operation
    if not operation.animated and (taken.frames or 1) > 1:
        raise ImageError("invalid", f"{operation.action} cannot be done to an animation")
    made = operation.outline(taken, {name: known[name] for name in operation.needs() if name in known})
    return replace(made, paged=False)


def _bounded(
    pipeline: Pipeline, given: Outline, shapes: Mapping[str, Outline], limits: ImageLimits
) -> frozenset[str]:
    """Ids of the steps of which enough is known to say what they cost at most."""

    def bounded(outline: Outline) -> bool:
        return outline.size is not None or outline.most[0] * outline.most[1] <= limits.max_image_area

    found: set[str | None] = {None} if bounded(given) else set()
    for step in pipeline.steps:
        if step.source in found and (step.id not in shapes or bounded(shapes[step.id])):
            found.add(step.id)
    return frozenset(name for name in found if name is not None)


def _expected(step: Step, name: str | None, made: Outline | None, cost: Cost | None) -> Expected:
    spent = asdict(cost) if cost else {}
    if made is None:
        return Expected(step.id, name, **spent)
    known = BY_NAME.get(name or "")
    return Expected(
        step.id,
        name,
        made.width,
        made.height,
        alpha=None if known is None else made.alpha if known.alpha else False,
        frames=1 if made.frames == 1 or (known and not known.animated) else made.frames if known else None,
        **spent,
    )
