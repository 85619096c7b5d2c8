"""What a pipeline will make of a picture, told without running it."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pixelflow.control.jobs import Jobs
from pixelflow.control.order import read_pipeline
from pixelflow.domain.errors import Busy, ImageError, InvalidRequest, Problem, StateConflict
from pixelflow.domain.limits import ImageLimits
from pixelflow.domain.media import BY_NAME
from pixelflow.imaging.prediction import Origin, Prediction, predict
from pixelflow.operations.outline import Outline, exactly

FIELDS = ("source", "pipeline", "template")
DESCRIBED = ("width", "height", "format", "frames", "alpha", "depth", "bytes")
DEPTHS = (8, 16)
Probe = Callable[[int], Awaitable[Origin]]
"""Reads the header of an open file where pictures are decoded; raises ImageError and Busy."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Checks a pipeline as a submission would, and predicts what it makes."""

    jobs: Jobs
    limits: ImageLimits
    probe: Probe | None = None
    """Absent where this process has no decoders."""
    probe_seconds: float = 15.0
    """Longest wait for a decoder to read a header."""

    async def plan(self, tenant: str, given: Mapping[str, Any]) -> Prediction:
        """For a request's fields; raises InvalidRequest, and as ``Jobs.get``, StateConflict and Busy for a
        source that is a job's.
        """
        problems = [
            Problem(f"there is no field {name!r}", name, value=value, allowed=", ".join(FIELDS))
            for name, value in given.items()
            if name not in FIELDS
        ]
        if "template" in given:
            problems.append(
                Problem("templates are not available in this version", "template", allowed="a pipeline")
            )
        pipeline = None
        try:
            pipeline = read_pipeline(given.get("pipeline")) if "template" not in given else None
        except InvalidRequest as error:
            problems.extend(error.problems)
        source = given.get("source")
        job_id = source.get("job_id") if isinstance(source, dict) and len(source) == 1 else None
        if source is None or isinstance(job_id, str):
            origin = unknown(self.limits)
        else:
            origin = read_source(source, self.jobs.intake.formats, problems)
        if problems or pipeline is None:
            raise InvalidRequest(problems)
        if pipeline.needs:
            await self.jobs.assets.require(tenant, pipeline)
        if isinstance(job_id, str):
            origin = await self._probed(tenant, job_id)
        return predict(pipeline, origin, self.limits)

    async def _probed(self, tenant: str, job_id: str) -> Origin:
        job = await self.jobs.get(tenant, job_id)
        if job.source.key is None:
            raise StateConflict(
                f"job {job.id} is {job.state}: its picture has not been uploaded yet",
                code="upload_missing",
                state=job.state.value,
            )
        if self.probe is None:
            raise _unread("this process has no decoders; describe the source with width, height and format")
        try:
            file = await self.jobs.storage.open(job.source.key)
        except KeyError:
            raise _unread("its picture is no longer in the storage") from None
        try:
            async with asyncio.timeout(self.probe_seconds):
                return await self.probe(file)
        except ImageError as error:
            raise _unread(error.detail) from error
        except TimeoutError:
            raise Busy("the decoders have other work; try again", retry_after=5) from None
        finally:
            os.close(file)


def unknown(limits: ImageLimits) -> Origin:
    """Any picture that the limits allow."""
    sides = (1, limits.max_image_side)
    return Origin(Outline(sides, sides, frames=None, alpha=None, depth=None))


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


def _unread(why: str) -> InvalidRequest:
    return InvalidRequest(
        [Problem(f"the source cannot be read: {why}", "source.job_id")], code="source_unreadable"
    )
