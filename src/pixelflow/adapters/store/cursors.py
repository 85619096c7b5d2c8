"""Where a page ends and the next one begins."""

from uuid import UUID

from pixelflow.domain.asset import Asset
from pixelflow.domain.errors import MalformedRequest

LAST_ID = "g"
"""Above every id, which is a UUID in hexadecimal digits."""
UPLOAD_SECONDS = 86_400.0
"""Longest time between a job's id, made when its upload begins, and its row, made when that has ended."""

SKEW_SECONDS = 300.0
"""By how much the clock that makes ids may be ahead of the store's."""


def read_job_cursor(cursor: str) -> str:
    """The id of the page's last job; raises MalformedRequest for anything else."""
    try:
        return str(UUID(cursor))
    except ValueError:
        raise foreign(cursor) from None


def id_floor(created_after: float) -> str:
    """The lowest UUIDv7 (RFC 9562) of a job created after a moment, so that older ones need no look."""
    milliseconds = int(max(0.0, created_after - UPLOAD_SECONDS) * 1000) & 0xFFFF_FFFF_FFFF
    return str(UUID(int=milliseconds << 80))


def asset_cursor(asset: Asset) -> str:
    """The page's last asset."""
    return f"{asset.created_at.hex()}.{asset.id}"


def read_asset_cursor(cursor: str) -> tuple[float, str]:
    """When the page's last asset was created, and its id; raises MalformedRequest for anything else."""
    try:
        *moment, asset_id = cursor.rsplit(".", 1)
        return float.fromhex(moment[0]), asset_id
    except (ValueError, OverflowError, IndexError):
        raise foreign(cursor) from None


def read_sequence_cursor(cursor: str) -> int:
    """The number of the page's last line; raises MalformedRequest for anything else."""
    if len(cursor) <= 18 and cursor.isascii() and cursor.isdigit():
        return int(cursor)
    raise foreign(cursor)


def id_ceiling(created_before: float) -> str:
    """Above the highest UUIDv7 of a job created before a moment, which its clock may have been behind of."""
    milliseconds = int(max(0.0, created_before + SKEW_SECONDS) * 1000) & 0xFFFF_FFFF_FFFF
    return str(UUID(int=milliseconds << 80))


def foreign(cursor: str) -> MalformedRequest:
    """What a cursor of somebody else's making gets."""
    return MalformedRequest(
        f"cursor {cursor[:80]!r} is not one that a list answered with; leave it out to begin at the newest",
        code="invalid_cursor",
    )
