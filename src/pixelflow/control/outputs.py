"""What a job has made, or why it has not."""

from collections.abc import Sequence

from pixelflow.domain.errors import Gone, PixelFlowError, StateConflict, UnknownId
from pixelflow.domain.job import Job, JobState, Output
from pixelflow.domain.keep import SETTINGS, when

SOON_SECONDS = 1
"""When to ask again for something that a running job is about to make."""


def output_of(job: Job, step: str) -> Output:
    """A finished step's result; raises UnknownId, StateConflict while or because there is none, and Gone."""
    for output in job.outputs:
        if output.id == step:
            if not output.key:
                raise _gone(job)
            return output
    raise _missing(job, step)


def first_output(job: Job) -> Output:
    """The only result, or the first in the pipeline's order; raises StateConflict while there is none, and
    Gone."""
    outputs = outputs_of(job)
    if not outputs:
        raise _missing(job, job.skipped[0].id if job.skipped else "")
    return outputs[0]


def outputs_of(job: Job) -> Sequence[Output]:
    """All results of a completed job; raises StateConflict with the state for any other, and Gone."""
    if job.state is not JobState.COMPLETED:
        raise _not_ready(job)
    if job.gone and job.gone.outputs:
        raise _gone(job)
    return job.outputs


def _gone(job: Job) -> Gone:
    at = job.gone.outputs if job.gone and job.gone.outputs else job.updated_at
    return Gone(
        f"the outputs of job {job.id} were kept until {when(at)}",
        code="output_gone",
        job_id=job.id,
        setting=SETTINGS["outputs"],
    )


def _missing(job: Job, step: str) -> PixelFlowError:
    if job.state is not JobState.COMPLETED and any(raw.get("id") == step for raw in job.pipeline):
        return _not_ready(job)
    for skipped in job.skipped:
        if skipped.id == step:
            return StateConflict(
                f"step {step!r} was skipped: {skipped.error.message}",
                code="output_skipped",
                state=job.state.value,
            )
    return UnknownId(f"job {job.id} keeps no output of a step {step!r}")


def _not_ready(job: Job) -> StateConflict:
    if job.terminal:
        why = f": {job.error.message}" if job.error else ""
        return StateConflict(
            f"job {job.id} is {job.state} and has no output{why}",
            code="output_missing",
            state=job.state.value,
        )
    return StateConflict(
        f"job {job.id} is {job.state}; its output is not ready",
        code="output_not_ready",
        state=job.state.value,
        retry_after=SOON_SECONDS,
    )
