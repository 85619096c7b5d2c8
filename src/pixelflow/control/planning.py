"""What a pipeline will make of a picture, told without running it."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pixelflow.control.described import read_source
from pixelflow.control.jobs import Jobs, source_gone
from pixelflow.control.reading import unknown_fields
from pixelflow.control.templates import Templates
from pixelflow.domain.errors import Busy, ImageError, InvalidRequest, Problem, StateConflict
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging.prediction import Origin, Prediction, predict, unknown

FIELDS = ("source", "pipeline", "template")
Probe = Callable[[int], Awaitable[Origin]]
"""Reads the header of an open file where pictures are decoded; raises ImageError and Busy."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Checks a pipeline as a submission would, and predicts what it makes."""

    jobs: Jobs
    templates: Templates
    limits: ImageLimits
    probe: Probe | None = None
    """Absent where this process has no decoders."""
    probe_seconds: float = 15.0
    """Longest wait for a decoder to read a header."""

    async def plan(self, tenant: str, given: Mapping[str, Any]) -> Prediction:
        """For a request's fields; raises InvalidRequest, and as ``Jobs.get``, StateConflict and Busy for a
        source that is a job's.
        """
        problems = unknown_fields(given, FIELDS)
        chosen = await self.templates.chosen(tenant, given)
        code = None
        if isinstance(chosen, InvalidRequest):
            problems.extend(chosen.problems)
            code = chosen.code
        source = given.get("source")
        job_id = source.get("job_id") if isinstance(source, dict) and len(source) == 1 else None
        if source is None or isinstance(job_id, str):
            origin = unknown(self.limits)
        else:
            origin = read_source(source, self.jobs.intake.formats, problems)
        if problems or isinstance(chosen, InvalidRequest):
            raise InvalidRequest(problems, code=code)
        pipeline = chosen.pipeline
        if pipeline.needs:
            await self.jobs.assets.require(tenant, pipeline)
        if isinstance(job_id, str):
            origin = await self._probed(tenant, job_id)
        return predict(pipeline, origin, self.limits)

    async def _probed(self, tenant: str, job_id: str) -> Origin:
        job = await self.jobs.get(tenant, job_id)
        if job.gone and job.gone.source:
            raise _unread(source_gone(job.gone.source))
        if job.source.key is None:
            done = "fetched" if job.remote else "uploaded"
            raise StateConflict(
                f"job {job.id} is {job.state}: its picture has not been {done} yet",
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


def _unread(why: str) -> InvalidRequest:
    return InvalidRequest(
        [Problem(f"the source cannot be read: {why}", "source.job_id")], code="source_unreadable"
    )
