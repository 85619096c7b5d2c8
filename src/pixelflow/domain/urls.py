"""URLs that callers name, and what of them may be shown."""

from urllib.parse import urlsplit

WEB = frozenset({"http", "https"})


def scheme_of(url: str) -> str:
    """In lower case; empty without one."""
    scheme, named, _ = url.partition("://")
    return scheme.lower() if named else ""


def shown(url: str) -> str:
    """Without query and fragment: those of a presigned URL are a key."""
    return url.partition("#")[0].partition("?")[0]


def host_of(url: str) -> str:
    """The host, or the bucket, for a sentence about it."""
    return urlsplit(url).hostname or shown(url)
