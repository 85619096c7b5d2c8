"""What the handles of both clients know without a call."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from pixelflow.client.models import Failure, Job, Output


class OutputFacts:
    """One output of a completed job: sides in pixels, ``size`` in bytes."""

    def __init__(self, job_id: str, facts: Output) -> None:
        self.job_id = job_id
        self.facts = facts

    @property
    def id(self) -> str:
        """The step's id."""
        return self.facts.id

    @property
    def format(self) -> str:
        """The file format's name."""
        return self.facts.format

    @property
    def width(self) -> int | None:
        """In pixels; absent for JSON."""
        return self.facts.width

    @property
    def height(self) -> int | None:
        """In pixels, of one frame; absent for JSON."""
        return self.facts.height

    @property
    def size(self) -> int:
        """In bytes."""
        return self.facts.size

    @property
    def file_name(self) -> str:
        """``<step>.<extension>``, as ``JobResult.save`` calls it."""
        return self.facts.file_name

    @property
    def sha256(self) -> str:
        """In hexadecimal; every download is checked against it."""
        return self.facts.sha256

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.facts}>"


O_co = TypeVar("O_co", bound=OutputFacts, covariant=True)


class ResultFacts(Mapping[str, O_co], Generic[O_co]):
    """A completed job's outputs by step, in the pipeline's order; ``skipped`` tells why a step has none."""

    def __init__(self, job: Job, outputs: Mapping[str, O_co]) -> None:
        self.job = job
        self._outputs = outputs

    @property
    def outputs(self) -> tuple[O_co, ...]:
        """The outputs without their steps' names."""
        return tuple(self._outputs.values())

    @property
    def skipped(self) -> dict[str, Failure]:
        """Steps that failed under ``on_error: skip``."""
        return {output.id: output.error for output in self.job.outputs if output.error}

    def __getitem__(self, step: str) -> O_co:
        return self._outputs[step]

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)


class HandleFacts:
    """One job, as it was last seen in ``job``."""

    def __init__(self, job: Job) -> None:
        self.job = job

    @property
    def id(self) -> str:
        """The job's id; ``client.job(id)`` finds it again from anywhere."""
        return self.job.id

    @property
    def status(self) -> str:
        """The state in which the job was last seen."""
        return self.job.status

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.status}>"


def made(job: Job) -> list[Output]:
    """The outputs that can be downloaded."""
    return [output for output in job.outputs if output.error is None]
