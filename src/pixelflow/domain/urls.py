"""URLs that callers name, and what of them may be shown."""

from urllib.parse import urlsplit

WEB = frozenset({"http", "https"})
MAX_SHOWN = 500
"""Characters of a URL that was refused unread."""
BUCKETS = ("s3", "gs", "az", "file")
OURS = {"job_id": "pixelflow://jobs/", "asset_id": "pixelflow://assets/"}
"""Where pictures are that this server has: those of jobs, and assets."""


def scheme_of(url: str) -> str:
    """In lower case; empty without one."""
    scheme, named, _ = url.partition("://")
    return scheme.lower() if named else ""


def readable(url: str) -> bool:
    """Whether it has parts: of another, ``site_of`` and ``host_of`` raise ValueError."""
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


def site_of(url: str) -> str:
    """Scheme, host and port, which decide whether it is called."""
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2].lower()}"


def shown(url: str) -> str:
    """Without query and fragment: those of a presigned URL are a key."""
    return url.partition("#")[0].partition("?")[0]


def bare(url: str) -> str:
    """Without credentials too: of one that was never checked, its first ``MAX_SHOWN`` characters."""
    text = shown(url)
    start = text.find("://") + 3 if "://" in text else 0
    host, slash, path = text[start:].partition("/")
    return f"{text[:start]}{host.rpartition('@')[2]}{slash}{path}"[:MAX_SHOWN]


def host_of(url: str) -> str:
    """The host, or the bucket, for a sentence about it."""
    return urlsplit(url).hostname or shown(url)
