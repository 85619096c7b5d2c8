"""Every error that the client raises on purpose.

ClientError
├── ApiError        the server refused: a problem document (RFC 9457)
├── Unreachable     no answer after all tries
├── Timeout         the caller's own time was up; the job goes on
├── JobFailed       the job ended without its outputs
├── DamagedDownload what arrived is not what the server says it stored
└── BadSignature    a webhook that was not signed with this secret, or not now
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pixelflow.client.reading import known

if TYPE_CHECKING:
    import httpx

    from pixelflow.client.models import Job


class ClientError(Exception):
    """The root of them all."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused value: the step and the field where it is, what it was, and what is allowed."""

    message: str = ""
    field: str | None = None
    step: str | None = None
    value: Any = None
    allowed: str | None = None


class ApiError(ClientError):
    """An answer of 400 or above; ``code`` is stable and for programs, ``retry_after`` is in seconds."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code") or "unknown")
        self.detail = str(problem.get("detail") or problem.get("title") or f"the server answered {status}")
        found = problem.get("errors")
        self.errors = tuple(known(Refusal, item) for item in found) if isinstance(found, list) else ()
        self.retry_after = retry_after
        super().__init__(f"{status} {self.code}: {self.detail}")

    @classmethod
    def of(cls, response: "httpx.Response", retry_after: float | None = None) -> "ApiError":
        """The error that a response tells; an answer that is no problem document gives its first words."""
        try:
            problem = json.loads(response.content)
        except ValueError:
            problem = None
        if not isinstance(problem, dict):
            problem = {"detail": response.text[:200].strip() or response.reason_phrase}
        return cls(response.status_code, problem, retry_after)


class Unreachable(ClientError):
    """No server answered at this address, in this number of tries."""

    def __init__(self, url: str, tries: int, cause: str) -> None:
        self.url = url
        self.tries = tries
        self.cause = cause
        super().__init__(f"no answer from {url} in {tries} {'try' if tries == 1 else 'tries'}: {cause}")


class Timeout(ClientError, TimeoutError):
    """The given time was up before the job ended; the job itself goes on, and may be waited for again."""

    def __init__(self, job_id: str, timeout_seconds: float, status: str, what: str = "job") -> None:
        self.job_id = job_id
        self.timeout_seconds = timeout_seconds
        super().__init__(f"{what} {job_id} is still {status} after {timeout_seconds:g} s")


class JobFailed(ClientError):
    """The job is failed, cancelled or quarantined; ``code`` is the failure's, or else the job's status."""

    def __init__(self, job: "Job") -> None:
        self.job = job
        self.code = job.error.code if job.error else job.status
        self.message = job.error.message if job.error else f"the job was {job.status}"
        self.step = job.error.step if job.error else None
        where = f" in step {self.step!r}" if self.step else ""
        super().__init__(f"job {job.id} {job.status}{where}: {self.message} ({self.code})")


class DamagedDownload(ClientError):
    """The bytes that arrived have another SHA-256 than the job tells."""


class BadSignature(ClientError):
    """A webhook did not come from who has the secret, or not in these minutes."""
