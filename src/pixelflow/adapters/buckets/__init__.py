"""Buckets and folders of others, as the setting STORAGE_ALLOW opens them."""

from collections.abc import Sequence

from pixelflow.adapters.buckets.absent import AbsentBuckets
from pixelflow.adapters.buckets.prefixes import Prefix, read_prefix
from pixelflow.domain.errors import StartupError
from pixelflow.domain.installed import has
from pixelflow.ports.buckets import Buckets


def open_buckets(allowed: Sequence[str], connect_seconds: float, seconds: float) -> Buckets:
    """``allowed`` are prefixes with their options in the query; raises StartupError for one that is none.

    Without any, or without the extra, everything is refused; ``seconds`` bounds each request to a service.
    """
    prefixes = [_prefix(text) for text in allowed]
    if not prefixes or not has("s3"):
        return AbsentBuckets(prefixes)
    from pixelflow.adapters.buckets.obstore import ObstoreBuckets

    return ObstoreBuckets(prefixes, connect_seconds, seconds)


def _prefix(text: str) -> Prefix:
    try:
        return read_prefix(text)
    except ValueError as error:
        address = text.partition("?")[0].rpartition("@")[2]
        raise StartupError(f"STORAGE_ALLOW has {address!r}: {error}") from error
