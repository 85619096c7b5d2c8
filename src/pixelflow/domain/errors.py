"""Every error that PixelFlow raises on purpose.

    PixelFlowError
    ├── RequestError            the caller can mend it
    │   ├── MalformedRequest        not JSON, not base64, a part is missing
    │   ├── InvalidRequest          well formed, but a field's value is refused
    │   ├── UnknownId               no such thing, or another tenant's
    │   ├── Gone                    it was there, and was kept no longer
    │   ├── Forbidden               a signature or an address that does not allow this call
    │   ├── StateConflict           the thing exists, and its state does not allow this
    │   ├── TooLarge                over a cap in bytes
    │   ├── UnsupportedImage        not an image, or of a kind that is off
    │   ├── EgressRefused           a URL that this server does not call
    │   └── Busy                    over a limit that will pass; carries seconds to wait
    ├── ImageError              a picture ended its own job; carries the job's failure
    ├── TransferFailed          a picture cannot be fetched, or outputs sent; carries the job's failure
    ├── RemoteUnavailable       another machine does not answer, or not now
    │   └── RemoteLeftAlone         it was not even called: it has not answered others
    ├── StoreUnavailable        the job store cannot answer or write now; nothing of the call was kept
    └── StartupError            the process cannot run like this; the message says what to do
        └── DatabaseOwned           another process has the database

Each carries a stable ``code`` for programs; the HTTP status is decided in one table in ``http/errors.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class PixelFlowError(Exception):
    """The root; ``code`` is stable, ``detail`` is for a person, ``extra`` is what a program needs to act."""

    code = "error"

    def __init__(self, detail: str, *, code: str | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.extra: Mapping[str, Any] = extra


class RequestError(PixelFlowError):
    """The caller sent something that cannot be done as it stands."""

    code = "bad_request"


class MalformedRequest(RequestError):
    """The bytes are not what their type says: broken JSON or base64, a missing part."""

    code = "malformed"


@dataclass(frozen=True, slots=True)
class Problem:
    """One refused value: where it is, what it was, what is allowed."""

    message: str
    field: str
    step: str | None = None
    value: object = None
    allowed: str | None = None


class InvalidRequest(RequestError):
    """Well formed, but refused; lists every problem found, not only the first."""

    code = "invalid"

    def __init__(self, problems: Sequence[Problem], *, code: str | None = None) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.message for problem in problems), code=code)


class UnknownId(RequestError):
    """No such thing for this tenant; another tenant's id gives the same answer."""

    code = "not_found"


class Gone(RequestError):
    """It was there and is not any more; ``extra`` names since when, and the setting that decides on it."""

    code = "gone"


class Forbidden(RequestError):
    """The signature, its expiry or the caller's address does not allow this call."""

    code = "forbidden"


class StateConflict(RequestError):
    """The state does not allow this now; ``extra`` names the state and, if it will pass, ``retry_after``
    seconds."""

    code = "conflict"


class TooLarge(RequestError):
    """Over a cap in bytes; ``extra`` names the limit, the value and the setting."""

    code = "too_large"


class UnsupportedImage(RequestError):
    """The content is not an image that this installation accepts; ``extra`` names what was found and is
    allowed."""

    code = "unsupported_image"


class EgressRefused(RequestError):
    """A URL, or the address that it resolves to, is not one that this server calls; ``extra`` names the
    setting that would allow it."""

    code = "egress_refused"

    def of(self, field: str) -> "EgressRefused":
        """The same, with the request's ``field`` that names the URL."""
        return EgressRefused(self.detail, **{**self.extra, "field": field})


class Busy(RequestError):
    """A limit that will pass; ``extra`` carries ``retry_after`` in seconds."""

    code = "busy"


class ImageError(PixelFlowError):
    """A picture, or a step on it, that deterministically ends its job; codes as in ``domain.job.Failure``."""

    code = "corrupt"

    def __init__(self, code: str, detail: str, *, step: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.step = step


class TransferFailed(PixelFlowError):
    """A picture cannot be fetched, or outputs cannot be sent, however often it is tried, which ends the job;
    codes as in ``domain.job.Failure``."""

    code = "source_unreachable"

    def __init__(self, code: str, detail: str, *, step: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.step = step


class RemoteUnavailable(PixelFlowError):
    """Another machine does not answer, or not now: a later attempt may go better. It is no fault of a service
    that all jobs need; ``extra`` may carry the ``retry_after`` seconds that it asked for."""

    code = "remote_unavailable"


class RemoteLeftAlone(RemoteUnavailable):
    """Another machine was not called, since it has not answered of late; ``extra`` carries the
    ``wait_seconds`` until the job may see again."""


class StoreUnavailable(PixelFlowError):
    """The job store cannot answer or write now, as with a full disk; nothing of the call was kept."""

    code = "store_unavailable"


class StartupError(PixelFlowError):
    """The process cannot start like this; the message names the cause and the remedy."""

    code = "startup"


class DatabaseOwned(StartupError):
    """Another process has the database; it is the one to be asked."""
