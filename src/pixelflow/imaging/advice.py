"""What a caller may not want of a pipeline, each with a code and a way out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor, log10, sqrt
from typing import TYPE_CHECKING

from pixelflow.domain.errors import ImageError
from pixelflow.domain.media import BY_NAME
from pixelflow.imaging.cost import BASE_BYTES
from pixelflow.imaging.limits import largest
from pixelflow.operations.encoding import MAX_SIDE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.domain.media import Format
    from pixelflow.imaging.cost import Cost
    from pixelflow.operations.base import Operation
    from pixelflow.operations.outline import Outline
    from pixelflow.operations.pipeline import Pipeline, Step

FATAL = frozenset({"over_limit", "cannot_be_done"})
"""Codes of what will fail for sure."""
MUCH_ENLARGED = 3
"""From so many times the sides on it shows."""
SLOW_SECONDS = 10.0
"""CPU time of one output from which on it is worth a word."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What may not be wanted: a stable code, the step, a sentence, and what to change."""

    code: str
    step: str | None
    message: str
    fix: str


def failing(step: Step | None, error: ImageError) -> Advice:
    """For what is known to fail when it is run."""
    code = "over_limit" if error.code == "limit" else "cannot_be_done"
    if step is None:
        return Advice(code, None, f"the job will fail: {error.detail}", "send a smaller file")
    ends = "will be left out" if step.on_error == "skip" else "will fail, and the job with it"
    message = f"this step {ends}: {error.detail}"
    return Advice(code, step.id, message, "change the step to suit the picture")


def over_limit(step: Step | None, error: ImageError, shape: Outline, limits: ImageLimits) -> Advice:
    """For a source or a result of a known size that is over a limit, with the largest that is not."""
    assert shape.size is not None
    frames = shape.frames or 1
    whose = "send a picture of" if step is None else "make the result"
    if frames > limits.max_image_frames:
        fix = f"{whose} at most {limits.max_image_frames:,} frames, as a frames step chooses them"
    else:
        width, height = largest(*shape.size, limits, frames=frames)
        by = max(width, height) / max(shape.size)
        fix = f"{whose} at most {width:,} × {height:,} pixels, {_times(by)} its sides"
        fix += f", or of fewer than {frames:,} frames" if frames > 1 else ""
    return replace(failing(step, error), fix=fix)


def of_step(step: Step, taken: Outline, made: Outline, name: str | None, *, moves: bool) -> Iterator[Advice]:
    """What is known of one step, the picture that it takes, its result and the format of its file.

    ``moves`` is whether the result has several frames, or had them if anything had a use for them.
    """
    if taken.size and not made.size:
        message = "its size is known only once there are pixels"
        yield Advice("size_unknown", step.id, message, "add a resize after it where the size matters")
    if step.operation.family == "resizing":
        yield from _of_scale(step, taken, made)
    elif step.operation.action == "crop" and made.size and _short(step, made):
        message = f"the box is larger than the picture and is cut to {_sides(made)}"
        yield Advice("crop_cut", step.id, message, "ask for a smaller box, or extend the picture")
    if step.output and step.encoding.format == "auto":
        message = "its format is chosen once there are pixels, after several were tried"
        yield Advice("format_open", step.id, message, "name a format where it has to be known")
    elif step.output and name in BY_NAME:
        yield from _of_file(step, made, BY_NAME[name], moves=moves)


def of_pipeline(pipeline: Pipeline) -> Iterator[Advice]:
    """What is known without a picture."""
    used = {step.source for step in pipeline.steps}.union(*(step.refers for step in pipeline.steps))
    for step in pipeline.steps:
        if not step.output and step.id not in used:
            message = "nobody uses this step: it has no output, and no step takes its image"
            yield Advice("unused_step", step.id, message, "leave it out, or set output to true")


def of_costs(pipeline: Pipeline, costs: Mapping[str, Cost], limits: ImageLimits) -> Iterator[Advice]:
    """What is dear, and what is over a limit as far as can be told."""
    total = sum(cost.cpu_seconds for cost in costs.values())
    if total > limits.max_cpu_seconds:
        dearest = max(costs, key=lambda name: costs[name].cpu_seconds)
        message = (
            f"some {total:.0f} s of CPU time, more than the {limits.max_cpu_seconds} of MAX_CPU_SECONDS: "
            f"the job will most likely be stopped; step {dearest!r} takes the most"
        )
        yield Advice("over_cpu", dearest, message, _cheaper(pipeline, dearest))
    for name, cost in costs.items():
        if SLOW_SECONDS < cost.cpu_seconds <= limits.max_cpu_seconds:
            message = f"slow: some {cost.cpu_seconds:.0f} s of CPU time"
            yield Advice("slow", name, message, _cheaper(pipeline, name))
        if cost.memory_bytes > limits.max_memory_bytes:
            message = (
                f"may take {cost.memory_bytes:,} bytes of memory, the limit is {limits.max_memory_bytes:,} "
                "(MAX_MEMORY_BYTES)"
            )
            by = _left(cost.memory_bytes - BASE_BYTES, limits.max_memory_bytes - BASE_BYTES)
            yield Advice("over_memory", name, message, f"make the picture smaller before this step{by}")
        if (cost.bytes or 0) > limits.max_output_bytes:
            message = (
                f"some {cost.bytes:,} bytes, the limit is {limits.max_output_bytes:,} (MAX_OUTPUT_BYTES)"
            )
            by = _left(cost.bytes or 0, limits.max_output_bytes)
            yield Advice(
                "over_output", name, message, f"make the picture smaller{by}, or write a lossy format"
            )


def _left(needed: int, allowed: int) -> str:
    """To what its sides have to shrink, where what is needed hangs on its pixels."""
    return f", to some {_times(sqrt(allowed / needed))} its sides" if 0 < allowed < needed else ""


def _times(by: float) -> str:
    """As many digits as tell it, never more than there is."""
    digits = 2 - floor(log10(by))
    return f"{floor(by * 10**digits) / 10**digits:.{digits}f}".rstrip("0") + " times"


def _cheaper(pipeline: Pipeline, name: str) -> str:
    step = next(step for step in pipeline.steps if step.id == name)
    avif = step.encoding.format == "avif"
    return "lower effort, or write webp" if avif else "make the picture smaller before this step"


def _of_scale(step: Step, taken: Outline, made: Outline) -> Iterator[Advice]:
    if not (taken.size and made.size):
        return
    times = max(made.size[0] / taken.size[0], made.size[1] / taken.size[1])
    sizes = f"{_sides(taken)} become {_sides(made)}"
    dpr = getattr(step.operation, "dpr", 1)
    if times >= MUCH_ENLARGED:
        message = f"enlarged {times:.1f} times, which shows: {sizes}"
        yield Advice("enlarged", step.id, message, "send a larger picture, or ask for a smaller size")
    elif dpr > 1 and times > 1:
        message = f"dpr {dpr:g} asks for more pixels than there are: {sizes}"
        yield Advice("enlarged_by_dpr", step.id, message, "lower dpr, or leave enlarge out")
    elif made.size == taken.size and _would_grow(step.operation, made):
        message = f"the picture is smaller than asked for and stays as it is, {_sides(made)}"
        yield Advice("not_enlarged", step.id, message, "set enlarge to true if it shall grow")


def _of_file(step: Step, made: Outline, known: Format, *, moves: bool) -> Iterator[Advice]:
    name = known.name
    if made.alpha and not known.alpha:
        message = f"{name} has no transparency: what shows through lies on white"
        fix = "write webp, png or avif, or lay it on a colour of your own with a background step"
        yield Advice("alpha_lost", step.id, message, fix)
    if moves and not known.animated:
        message = f"{name} has no animation: the first frame is written"
        yield Advice("animation_cut", step.id, message, "write webp or gif, or choose a frame with frames")
    room = {"png": (None, 16), "tiff": (None, 16), "avif": (10, 12)}.get(name, ())
    if made.depth == 16 and step.encoding.bit_depth not in room:
        message = f"16 bits a channel become {step.encoding.bit_depth or 8} in this {name}"
        yield Advice("depth_cut", step.id, message, "write png or tiff, or avif with a bit_depth of 10 or 12")
    longest = max(made.size or (0,))
    if longest > MAX_SIDE.get(name, longest):
        message = f"a {name} has at most {MAX_SIDE[name]:,} pixels on a side, not {longest:,}"
        yield failing(step, ImageError("invalid", message))


def _would_grow(operation: Operation, made: Outline) -> bool:
    """Whether it keeps its size only because it may not be enlarged."""
    if not (made.size and "enlarge" in type(operation).model_fields):
        return False
    return operation.model_copy(update={"enlarge": True}).target(*made.size) != made.size


def _short(step: Step, made: Outline) -> bool:
    """Whether a side that was asked for is longer than the one that there will be."""
    assert made.size is not None
    asked = (getattr(step.operation, side, None) for side in ("width", "height"))
    return any(isinstance(side, int) and side > there for side, there in zip(asked, made.size, strict=True))


def _sides(outline: Outline) -> str:
    return f"{outline.width} × {outline.height} pixels"
