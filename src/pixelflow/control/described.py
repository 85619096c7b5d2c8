"""A picture as a caller describes it, without sending it."""

from collections.abc import Collection, Mapping
from typing import Any

from pixelflow.domain.errors import Problem
from pixelflow.domain.media import BY_NAME
from pixelflow.imaging.prediction import Origin
from pixelflow.operations.outline import Outline, exactly

DESCRIBED = ("width", "height", "format", "frames", "alpha", "depth", "bytes")
DEPTHS = (8, 16)


def read_source(given: object, formats: Collection[str], problems: list[Problem]) -> Origin:
    """A source as a caller describes it; its sides are those of the upright picture, in pixels.

    What is left out is the format's usual: one frame, 8 bits; alpha is unknown where the format has it.
    """
    if not isinstance(given, dict):
        problems.append(
            Problem(
                "a source is an object", "source", value=given, allowed="width, height, format; or job_id"
            )
        )
        return Origin(exactly(1, 1))
    if "url" in given:
        text = "nothing is fetched for a plan: describe the picture, or name a job that has it"
        problems.append(Problem(text, "source.url", allowed=", ".join((*DESCRIBED, "job_id"))))
        return Origin(exactly(1, 1))
    problems.extend(
        Problem(
            f"a source has no {name!r}",
            f"source.{name}",
            value=value,
            allowed=", ".join((*DESCRIBED, "job_id")),
        )
        for name, value in given.items()
        if name not in DESCRIBED
    )
    width, height = (_whole(given, name, problems, required=True) for name in ("width", "height"))
    frames, size = (_whole(given, name, problems) for name in ("frames", "bytes"))
    name, alpha, depth = given.get("format"), given.get("alpha"), given.get("depth", 8)
    known = BY_NAME.get(name) if isinstance(name, str) else None
    if known is None or known.name not in formats:
        readable = ", ".join(sorted(formats))
        problems.append(
            Problem(
                "the source's format is one of those that are read",
                "source.format",
                value=name,
                allowed=readable,
            )
        )
    if alpha is not None and not isinstance(alpha, bool):
        problems.append(
            Problem("alpha is true or false", "source.alpha", value=alpha, allowed="true or false")
        )
    if depth not in DEPTHS or isinstance(depth, bool):
        problems.append(
            Problem("depth is 8 or 16 bits a channel", "source.depth", value=depth, allowed="8 or 16")
        )
    if alpha is None and known is not None and not known.alpha:
        alpha = False
    sides = width or 1, height or 1
    outline = Outline((sides[0],) * 2, (sides[1],) * 2, frames=frames or 1, alpha=alpha, depth=depth)
    return Origin(outline, known.name if known else None, size)


def _whole(
    given: Mapping[str, Any], name: str, problems: list[Problem], *, required: bool = False
) -> int | None:
    value = given.get(name)
    if value is None and not required:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 2**53:
        return value
    said = "is missing" if value is None else f"cannot be {value!r}"[:100]
    problems.append(
        Problem(
            f"the source's {name} {said}", f"source.{name}", value=value, allowed="a whole number from 1 on"
        )
    )
    return None
