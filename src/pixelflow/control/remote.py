"""What a caller says of other machines: where a picture is, and where outputs go."""

import re
from collections.abc import Mapping
from typing import Any

from pixelflow.domain.errors import Problem
from pixelflow.domain.job import Remote, Target
from pixelflow.domain.urls import BUCKETS, OURS, WEB, readable, scheme_of

FIELDS = ("url", "headers", "sha256")
TARGET_FIELDS = ("url", "headers", "naming")
MAX_URL_LENGTH = 2048
MAX_HEADERS = 32
MAX_HEADER_BYTES = 8192
PLACEHOLDERS = ("job_id", "step", "ext")
DEFAULT_NAMING = "{job_id}/{step}.{ext}"

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"([!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
RESERVED = frozenset(
    {
        "host", "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "te",
        "trailer", "upgrade", "expect", "accept-encoding", "range",
    }
)  # fmt: skip
"""Headers that decide how the request is made, or would have only a part of the picture answered."""


def read_remote(given: Mapping[str, Any], problems: list[Problem]) -> Remote | None:
    """The source of ``source_type: url``; what is wrong goes to ``problems``, with no secret in it."""
    count = len(problems)
    url = _url(given.get("url"), "url", problems)
    headers = _headers(given.get("headers"), "headers", url, problems)
    sha256 = given.get("sha256")
    if sha256 is not None and not (isinstance(sha256, str) and re.fullmatch("[0-9a-fA-F]{64}", sha256)):
        problems.append(Problem("sha256 must be 64 hexadecimal digits", "sha256", allowed="64 digits 0-9a-f"))
    if len(problems) > count:
        problems += uncalled(url, "url")
        return None
    return Remote(url, headers, sha256.lower() if isinstance(sha256, str) else None)


def uncalled(url: str, field: str) -> list[Problem]:
    """What is wrong with a URL of an unknown kind, to be told with all else; alone it is refused later."""
    scheme = scheme_of(url)
    if not scheme or scheme in WEB or scheme in BUCKETS or url.startswith(tuple(OURS.values())):
        return []
    allowed = ", ".join((*sorted(WEB), *BUCKETS))
    return [Problem(f"{field} has a scheme that is not called: {scheme[:20]}", field, allowed=allowed)]


def read_target(given: object, outputs: int, problems: list[Problem]) -> Target | None:
    """Where ``outputs`` outputs go, of the field ``store``."""
    if given is None:
        return None
    if not isinstance(given, dict):
        allowed = "{url, headers?, naming?}"
        problems.append(Problem(f"store must be an object {allowed}", "store", allowed=allowed))
        return None
    count = len(problems)
    problems += [
        Problem(f"store has no field {name!r}", f"store.{name}", allowed=", ".join(TARGET_FIELDS))
        for name in given
        if name not in TARGET_FIELDS
    ]
    url = _url(given.get("url"), "store.url", problems)
    headers = _headers(given.get("headers"), "store.headers", url, problems)
    naming = _naming(given.get("naming"), url, problems)
    if len(problems) > count:
        problems += uncalled(url, "store.url")
        return None
    named = url if scheme_of(url) in WEB else naming or DEFAULT_NAMING
    if outputs > 1 and "{step}" not in named:
        where = "store.url" if named is url else "store.naming"
        problems.append(
            Problem(f"{outputs} outputs need {{step}} in {where}, so that each has a name", where)
        )
    return Target(url, naming, headers)


def expanded(text: str, job_id: str, step: str, extension: str) -> str:
    """A target's name for one output."""
    values = {"job_id": job_id, "step": step, "ext": extension}
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def _url(given: object, field: str, problems: list[Problem]) -> str:
    allowed = f"an absolute URL of at most {MAX_URL_LENGTH} characters"
    good = isinstance(given, str) and len(given) <= MAX_URL_LENGTH and given.isprintable()
    if not isinstance(given, str) or not good or not scheme_of(given) or not readable(given):
        # A URL may hold a key, and must not come back in an answer or a log.
        problems.append(Problem(f"{field} must be {allowed}", field, allowed=allowed))
        return ""
    if field == "store.url":
        _placeholders(given, field, problems)
    return given


def _naming(given: object, url: str, problems: list[Problem]) -> str | None:
    if given is None:
        return None
    field, allowed = "store.naming", "a path as " + DEFAULT_NAMING
    if url and scheme_of(url) in WEB:
        problems.append(
            Problem("naming goes with a bucket; put the placeholders into the URL", field, value=given)
        )
    elif not isinstance(given, str) or not 0 < len(given) <= 512 or not given.isprintable():
        problems.append(Problem(f"naming must be {allowed}", field, allowed=allowed))
    elif given.startswith("/") or any(part in {"", ".", ".."} for part in given.split("/")):
        problems.append(
            Problem(f"naming must be {allowed}, without '.' and '..'", field, value=given, allowed=allowed)
        )
    else:
        _placeholders(given, field, problems)
        return given
    return None


def _placeholders(given: str, field: str, problems: list[Problem]) -> None:
    allowed = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    if any(name not in PLACEHOLDERS for name in _PLACEHOLDER.findall(given)):
        problems.append(Problem(f"{field} has an unknown placeholder", field, allowed=allowed))


def _headers(given: object, field: str, url: str, problems: list[Problem]) -> Mapping[str, str]:
    if given is None or given == {}:
        return {}
    allowed = f"an object of at most {MAX_HEADERS} header names with their values"
    if not isinstance(given, dict) or len(given) > MAX_HEADERS:
        problems.append(Problem(f"{field} must be {allowed}", field, allowed=allowed))
        return {}
    if url and scheme_of(url) not in WEB:
        here = f"{field} go with http and https only, not with {scheme_of(url)}"
        problems.append(Problem(here, field, allowed="http or https in url"))
    size = 0
    for name, value in given.items():
        if not _NAME.fullmatch(name) or not isinstance(value, str) or not _VALUE.fullmatch(value):
            problems.append(
                Problem(
                    f"{field} has a name or a value that HTTP does not take", field, allowed="RFC 9110, 5"
                )
            )
            return {}
        size += len(name) + len(value)
        if (lowered := name.lower()) in RESERVED or lowered.startswith(("proxy-", "if-")):
            problems.append(Problem(f"{field} must not set {name}: it is decided here", field, value=name))
    if size > MAX_HEADER_BYTES:
        problems.append(
            Problem(f"{field} have {size} bytes, more than {MAX_HEADER_BYTES}", field, value=size)
        )
    return given
