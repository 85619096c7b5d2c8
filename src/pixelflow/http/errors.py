"""The one table from errors to HTTP, as problem documents (RFC 9457)."""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pixelflow.domain import errors
from pixelflow.domain.errors import InvalidRequest, PixelFlowError, Problem

RETRY_SECONDS = 5
MAX_SHOWN = 200
"""Characters of a refused value that an answer repeats."""


class SlowBody(errors.RequestError):
    """The body came slower than is allowed."""

    code = "slow_body"


class HeadersTooLarge(errors.RequestError):
    """More header bytes than are allowed."""

    code = "headers_too_large"


class Disconnected(errors.RequestError):
    """The body broke off: the client went away, or will send no more of it."""

    code = "disconnected"


TABLE: Mapping[type[PixelFlowError], tuple[int, str]] = {
    errors.MalformedRequest: (400, "The request cannot be read"),
    errors.Forbidden: (403, "This call is not allowed"),
    errors.UnknownId: (404, "Not found"),
    SlowBody: (408, "The body came too slowly"),
    errors.StateConflict: (409, "The state does not allow this"),
    errors.Gone: (410, "It was kept no longer"),
    errors.TooLarge: (413, "Too many bytes"),
    errors.UnsupportedImage: (415, "Not an image that is accepted here"),
    errors.InvalidRequest: (422, "A value is refused"),
    errors.EgressRefused: (422, "This address is not called from here"),
    errors.ImageError: (422, "This picture cannot be done"),
    Disconnected: (400, "The request broke off"),
    HeadersTooLarge: (431, "Too many header bytes"),
    errors.Busy: (503, "The server has no room for more work now"),
    errors.StoreUnavailable: (503, "The job store cannot answer now"),
}
BY_CODE: Mapping[str, int] = {
    "rate_limited": 429,
    "tenant_queue_full": 429,
    "quota_exceeded": 429,
}
"""Codes whose status differs from their class's."""
TITLES: Mapping[int, str] = {429: "A limit of the caller's is reached"}
"""Of statuses that no class has."""
OTHER: Mapping[str, tuple[int, str]] = {
    "bad_request": (400, "The request cannot be done"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "This path has other methods"),
    "internal": (500, "Something went wrong here"),
    "unavailable": (503, "A part of the server cannot answer now"),
    "storage_full": (507, "The disk is full"),
}
"""Problems that no PixelFlowError stands for."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as HTTP says it."""

    status: int
    title: str
    code: str
    detail: str
    extra: Mapping[str, Any]
    problems: Sequence[Problem] = ()

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """``Retry-After`` where it will pass, ``Allow`` where the method was wrong."""
        found = []
        if (seconds := self.extra.get("retry_after")) is not None:
            found.append((b"retry-after", str(seconds).encode()))
        if (allowed := self.extra.get("allow")) is not None:
            found.append((b"allow", ", ".join(allowed).encode()))
        if (quota := self.extra.get("quota")) is not None:
            found += _rate_limit(quota, self.extra)
        return found

    def document(self, request_id: str) -> dict[str, Any]:
        """The problem document's members."""
        body = {
            "type": f"/docs#{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.extra,
            "request_id": request_id,
        }
        if self.problems:
            body["errors"] = [
                {
                    "step": problem.step,
                    "field": problem.field,
                    "value": _shown(problem.value),
                    "allowed": problem.allowed,
                    "message": problem.message,
                }
                for problem in self.problems
            ]
        return body


def refusal(error: Exception) -> Refusal:
    """What to answer; an error that is no PixelFlowError tells nothing of itself."""
    if isinstance(error, PixelFlowError):
        kind = next((known for known in type(error).__mro__ if known in TABLE), None)
        if kind is not None:
            status, title = TABLE[kind]
            extra = error.extra
            if isinstance(error, errors.StoreUnavailable | errors.Busy):
                extra = {"retry_after": RETRY_SECONDS, **extra}
            problems = error.problems if isinstance(error, InvalidRequest) else ()
            status = BY_CODE.get(error.code, status)
            title = TITLES.get(status, title)
            return Refusal(status, title, error.code, error.detail, extra, problems)
        if isinstance(error, errors.RequestError):
            return other(error.code if error.code in OTHER else "bad_request", error.detail)
    if isinstance(error, OSError):
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return other("storage_full", "there is no space left for this; nothing was kept", retry_after=30)
        return other("unavailable", "the storage cannot answer now; try again", retry_after=RETRY_SECONDS)
    return other("internal", "an unexpected error, which the server's log describes")


def other(code: str, detail: str, **extra: Any) -> Refusal:
    """A problem of ``OTHER``."""
    status, title = OTHER[code]
    return Refusal(status, title, code, detail, extra)


def encode(document: Mapping[str, Any]) -> bytes:
    """JSON that never fails, whatever a caller sent in."""
    return msgspec.json.encode(document, enc_hook=repr)


def _rate_limit(quota: str, extra: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """The policy that was met and what is left of it (draft-ietf-httpapi-ratelimit-headers, 3 and 4)."""
    window = f";w={extra['window_seconds']}" if "window_seconds" in extra else ""
    left = max(0, int(extra["limit"] - extra["value"]))
    policy = f'"{quota}";q={int(extra["limit"])}{window}'
    limit = f'"{quota}";r={left};t={extra["retry_after"]}'
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", limit.encode())]


def _shown(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
